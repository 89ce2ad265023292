#!/bin/bash
# Names that shells, servers and listings trip over.
. "$(dirname "$0")/checks.sh"

NAMES=(
  ' ' '  two' 'tail ' $'new\nline' $'tab\there' $'\x01\x7f' $'\xff\xfe' $'caf\xc3\xa9' $'cafe\xcc\x81'
  '*' '?' '[x]' '~' '-n' '--help'
  '...' '.hidden' 'a;b' 'a|b' '$HOME' '`id`' '"' "'" '\' 'a:b' '#' 'CON' 'con'
  "$(printf 'l%.0s' $(seq 255))" '.nfs0001' 'x.dpkg-new'
)
DIR=$WORK/names

make_all() {
  mkdir "$DIR"
  local name
  for name in "${NAMES[@]}"; do printf '%s' "$name" >"$DIR/$name"; done
  same ${#NAMES[@]} "$(find "$DIR" -mindepth 1 -printf x | wc -c)"
}

read_all() {
  echo 2 >/proc/sys/vm/drop_caches
  local name
  for name in "${NAMES[@]}"; do same "$name" "$(<"$DIR/$name")"; done
  find "$DIR" -mindepth 1 -print0 | xargs -0 stat -- >/dev/null
}

as_directories() {
  local IFS=/
  local path="$WORK/nested/${NAMES[*]:0:24}"
  mkdir -p -- "$path"
  echo deep >"$path/end"
  same 25 "$(find "$WORK/nested" -mindepth 1 -printf x | wc -c)"
}

moved_and_linked() {
  mkdir "$WORK/plain" "$WORK/symbolic" "$WORK/moved"
  ln -t "$WORK/plain" -- "$DIR"/* "$DIR"/.[!.]* "$DIR"/...
  ln -s -t "$WORK/symbolic" -- "$DIR"/* "$DIR"/.[!.]* "$DIR"/...
  diff -r "$DIR" "$WORK/plain"
  diff -r "$DIR" "$WORK/symbolic"
  mv -t "$WORK/moved" -- "$WORK/plain"/* "$WORK/plain"/.[!.]* "$WORK/plain"/...
  diff -r "$DIR" "$WORK/moved"
  rmdir "$WORK/plain"
}

packed() {
  tar -C "$WORK" -cf "$WORK/names.tar" names
  mkdir "$WORK/unpacked"
  tar -C "$WORK/unpacked" -xf "$WORK/names.tar"
  diff -r "$DIR" "$WORK/unpacked/names"
}

removed() {
  (cd "$DIR" && rm -- "${NAMES[@]}")
  rmdir "$DIR"
  rm -r "$WORK/nested" "$WORK/symbolic" "$WORK/moved" "$WORK/unpacked"
}

check 'made and listed' make_all
check 'read back' read_all
check 'directories in each other' as_directories
check 'hard links, symbolic links, renames' moved_and_linked
check 'packed and unpacked' packed
check 'removed' removed
finish
