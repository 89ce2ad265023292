# Sourced by the scripts beside it. Each of them takes a directory that it may fill:
#   NAME.sh DIRECTORY [IMAGE_TREE]
# and prints `PASS what` or `FAIL what`, each with the seconds it took, and after FAIL what the command said. Exit
# code 1 if anything failed. IMAGE_TREE is a tree that was there before; without one the script makes its own.
set -u
export LC_ALL=C HOME=/tmp

[ $# -ge 1 ] || { echo "usage: $0 DIRECTORY [IMAGE_TREE]" >&2; exit 2; }
mkdir -p "$1" || exit 2
WORK=$(cd "$1" && pwd)
IMAGE_TREE=${2:-}
SCRIPT=$(basename "$0" .sh)
LOG=$(mktemp)
failures=0
trap 'rm -f "$LOG"' EXIT

# check WHAT COMMAND...: the command must succeed. The name of a function is a command.
check() {
  local what=$1 started_us=${EPOCHREALTIME/./} code took
  shift
  # Not in a condition: there `set -e` would be off inside the function.
  ( set -e; "$@" ) >"$LOG" 2>&1 </dev/null
  code=$?
  took=$(((${EPOCHREALTIME/./} - started_us) / 100000))
  took="$((took / 10)).$((took % 10)) s"
  if [ $code = 0 ]; then
    echo "PASS $SCRIPT: $what ($took)"
  else
    echo "FAIL $SCRIPT: $what (exit code $code, $took)"
    tail -n 12 "$LOG" | sed 's/^/  /'
    failures=$((failures + 1))
  fi
}

# Must be equal: same WANTED GOT
same() {
  [ "$1" = "$2" ] || { echo "wanted: $1"; echo "got:    $2"; return 1; }
}

# The named command must fail.
refused() {
  if "$@"; then echo "succeeded: $*"; return 1; fi
}

# What a copy must preserve of a tree: type, mode, owners, links, size of files, mtime, target, name.
# Directory sizes and times of a symbolic link differ between file systems.
describe_tree() {
  (cd "$1" && find . -mindepth 1 \( -type f -printf '%y %m %U:%G %n %s %T@ %p\n' -o -type l -printf '%y %U:%G %l %p\n' \
    -o -printf '%y %m %U:%G %T@ %p\n' \) | sort)
}

# Content of all files of a tree.
sum_tree() {
  (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

# The image's tree, or one of our own where there is none.
source_tree() {
  if [ -n "$IMAGE_TREE" ]; then
    echo "$IMAGE_TREE"
  else
    [ -d "$WORK/sample" ] || "$(dirname "$0")/make-sample-tree.sh" "$WORK/sample" >&2
    echo "$WORK/sample"
  fi
}

finish() {
  exit $((failures > 0))
}
