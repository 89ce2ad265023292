#!/bin/bash
# Ten thousand names: listed, removed while they are listed, added meanwhile.
. "$(dirname "$0")/checks.sh"

DIR=$WORK/many
COUNT=10000

# make PREFIX COUNT: empty files, each by one open.
make() {
  local number name
  for ((number = 1; number <= $2; number++)); do
    printf -v name '%s-%06d' "$1" "$number"
    : >"$DIR/$name"
  done
}

filled() {
  mkdir "$DIR"
  make entry $COUNT
}

listed() {
  echo 2 >/proc/sys/vm/drop_caches
  same $COUNT "$(ls -f "$DIR" | grep -c entry)"
  same $COUNT "$(ls -f "$DIR" | grep entry | sort -u | wc -l)"
}

every_second_removed() {
  find "$DIR" -name '*[02468]' -delete
  same $((COUNT / 2)) "$(find "$DIR" -type f -printf x | wc -c)"
  same 0 "$(ls -f "$DIR" | grep -c '[02468]$' || true)"
}

added_while_listed() {
  make late 1500 &
  local adding=$! turn
  for turn in 1 2 3; do same $((COUNT / 2)) "$(ls -f "$DIR" | grep -c entry)"; done
  wait $adding
  same $((COUNT / 2 + 1500)) "$(ls "$DIR" | wc -l)"
}

# Reads a page, removes what it saw, reads on, as rm -r does.
removed_while_listed() {
  rm -r "$DIR"
  test ! -e "$DIR"
}

check "$COUNT names made" filled
check 'each listed once' listed
check 'every second removed by find' every_second_removed
check 'names added while others are listed' added_while_listed
check 'all removed by rm -r' removed_while_listed
finish
