#!/bin/bash
# Runs the application scripts, each in a directory of its own.
#   run-all.sh [--only fio,git,..] DIRECTORY [IMAGE_TREE]
# Exit code 1 if anything failed. Each script has LIMIT_S seconds.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
LIMIT_S=180
ALL=(fio sqlite git compile dpkg tar rsync stress-ng big-files odd-names remove-while-listing execute copy-subtree find)

if [ "${1:-}" = --only ]; then
  IFS=, read -r -a ALL <<<"$2"
  shift 2
fi
[ $# -ge 1 ] || { sed -n 2,3p "$0" >&2; exit 2; }

failed=()
for name in "${ALL[@]}"; do
  started=$SECONDS
  timeout -k 5 $LIMIT_S bash "$HERE/$name.sh" "$1/$name" "${2:-}"
  code=$?
  [ $code = 0 ] || failed+=("$name")
  [ $code = 124 ] && echo "FAIL $name: no end after $LIMIT_S s"
  echo "# $name: exit code $code, $((SECONDS - started)) s"
done
echo "# ${#ALL[@]} scripts, failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
