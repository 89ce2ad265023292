#!/bin/bash
# The file stressors of stress-ng that run on NFSv3, each with --verify, for a second or so.
. "$(dirname "$0")/checks.sh"

# Sizes keep each below two seconds on a network; the others stop by the clock.
STRESSORS=(
  'access' 'chattr' 'chdir --chdir-dirs 200' 'chmod' 'chown' 'dentry --dentries 200' 'dir --dir-dirs 200'
  'dirdeep --dirdeep-inodes 300' 'dirmany --dirmany-ops 300' 'fallocate --fallocate-bytes 4m' 'fcntl'
  'filename' 'flock' 'fpunch' 'fstat' 'getdent' 'hdd --hdd-bytes 8m' 'iomix --iomix-bytes 8m'
  'link --link-ops 300' 'lockf' 'mknod' 'mmap --mmap-file --mmap-bytes 4m' 'msync --msync-bytes 4m'
  'open --open-max 200' 'rename' 'revio --revio-bytes 2m' 'seek --seek-size 4m'
  'sendfile --sendfile-size 1m' 'symlink --symlink-ops 300' 'sync-file --sync-file-bytes 8m' 'touch' 'utime'
)

# It says `fail:` for some findings and exits with 0 all the same.
stress() {
  local output
  output=$(stress-ng --temp-path "$WORK" --verify --timeout 1 --seed 1 --"$1" 1 "${@:2}" 2>&1) ||
    { echo "$output"; return 1; }
  case "$output" in *fail:*|*skipp*) echo "$output"; return 1 ;; esac
}

for stressor in "${STRESSORS[@]}"; do
  read -r -a words <<<"$stressor"
  check "${words[0]}" stress "${words[@]}"
done
check 'nothing is left' same '' "$(ls -A "$WORK")"
finish
