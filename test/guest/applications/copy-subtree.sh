#!/bin/bash
# A tree of the image copied, linked, moved and removed.
. "$(dirname "$0")/checks.sh"

SOURCE=$(source_tree)

copied() {
  cp -a "$SOURCE" "$WORK/copy"
  diff <(describe_tree "$SOURCE") <(describe_tree "$WORK/copy")
  diff <(sum_tree "$SOURCE") <(sum_tree "$WORK/copy")
}

linked() {
  cp -al "$WORK/copy" "$WORK/linked"
  diff <(sum_tree "$WORK/copy") <(sum_tree "$WORK/linked")
  local one
  one=$(cd "$WORK/copy" && find . -type f | sort | tail -n 1)
  same "$(stat -c %i "$WORK/copy/$one")" "$(stat -c %i "$WORK/linked/$one")"
}

moved() {
  local before
  before=$(describe_tree "$WORK/copy")
  mkdir -p "$WORK/a/b"
  mv "$WORK/copy" "$WORK/a/b/copy"
  diff <(echo "$before") <(describe_tree "$WORK/a/b/copy")
  diff <(sum_tree "$SOURCE") <(sum_tree "$WORK/a/b/copy")
  mv "$WORK/a" "$WORK/c"
  diff <(echo "$before") <(describe_tree "$WORK/c/b/copy")
}

changed_in_place() {
  chmod -R g+w "$WORK/c/b/copy"
  chown -R -h 60005:60006 "$WORK/c/b/copy"
  same '' "$(find "$WORK/c/b/copy" ! -uid 60005)"
  same "$(sum_tree "$SOURCE" | wc -l)" "$(sum_tree "$WORK/c/b/copy" | wc -l)"
  # The other names of the same files see it.
  same '' "$(find "$WORK/linked" -type f ! -uid 60005)"
}

removed() {
  rm -rf "$WORK/c"
  test ! -e "$WORK/c"
  diff <(sum_tree "$SOURCE") <(sum_tree "$WORK/linked")
  rm -rf "$WORK/linked"
}

check 'cp -a' copied
check 'cp -al' linked
check 'mv' moved
check 'chmod -R, chown -R' changed_in_place
check 'rm -rf' removed
finish
