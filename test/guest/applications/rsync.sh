#!/bin/bash
# rsync -aHX: a second run has nothing to do.
. "$(dirname "$0")/checks.sh"

SOURCE=$(source_tree)

# How many things rsync would transfer or change; items that are equal are not listed.
changes() {
  rsync -aHX --devices --specials --numeric-ids --itemize-changes "$@" | grep -c . || true
}

# Some versions of rsync leave the times of directories and pipes alone.
without_times() {
  describe_tree "$1" | sed -E 's/ [0-9]+\.[0-9]+ / /' | sort
}

first() {
  test "$(changes "$SOURCE/" "$WORK/copy/")" -gt 0
  diff <(without_times "$SOURCE") <(without_times "$WORK/copy")
  diff <(describe_tree "$SOURCE" | grep '^f') <(describe_tree "$WORK/copy" | grep '^f')
  diff <(sum_tree "$SOURCE") <(sum_tree "$WORK/copy")
}

second() {
  same 0 "$(changes "$SOURCE/" "$WORK/copy/")"
  same 0 "$(changes --checksum "$SOURCE/" "$WORK/copy/")"
}

after_a_change() {
  local one
  one=$(cd "$WORK/copy" && find . -type f -size +1k | sort | head -n 1)
  echo changed >>"$WORK/copy/$one"
  same 1 "$(rsync -aHX --numeric-ids --itemize-changes --dry-run "$SOURCE/" "$WORK/copy/" | grep -c '^>f')"
  rsync -aHX --numeric-ids --inplace "$SOURCE/" "$WORK/copy/"
  same 0 "$(changes --checksum "$SOURCE/" "$WORK/copy/")"
}

with_deletion() {
  mkdir "$WORK/copy/extra"
  echo x >"$WORK/copy/extra/x"
  rsync -aHX --delete "$SOURCE/" "$WORK/copy/"
  test ! -e "$WORK/copy/extra"
  same 0 "$(changes --delete "$SOURCE/" "$WORK/copy/")"
}

linked_backup() {
  rsync -aHX --link-dest="$WORK/copy" "$WORK/copy/" "$WORK/backup/"
  diff <(sum_tree "$WORK/copy") <(sum_tree "$WORK/backup")
  local one
  one=$(cd "$WORK/copy" && find . -type f | sort | head -n 1)
  same "$(stat -c %i "$WORK/copy/$one")" "$(stat -c %i "$WORK/backup/$one")"
}

check 'first run copies all' first
check 'second run transfers nothing' second
check 'one changed file, in place' after_a_change
check 'deletion' with_deletion
check 'backup by hard links' linked_backup
finish
