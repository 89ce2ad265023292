#!/bin/bash
# Files beyond 4 GiB, sparse, so that they take little room.
. "$(dirname "$0")/checks.sh"

GIB=$((1024 * 1024 * 1024))

# put FILE OFFSET TEXT; get FILE OFFSET COUNT
put() { printf '%s' "$3" | dd of="$1" bs=64k oflag=seek_bytes seek="$2" conv=notrunc status=none; }
get() { dd if="$1" bs=64k iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none | tr '\0' '.'; }

across_edges() {
  local file=$WORK/edges gib
  for gib in 1 2 4 5 8; do put "$file" $((gib * GIB - 4)) "edge-at-$gib"; done
  sync "$file"
  echo 1 >/proc/sys/vm/drop_caches
  for gib in 1 2 4 5; do same "..edge-at-$gib.." "$(get "$file" $((gib * GIB - 6)) 13)"; done
  same 'edge-at-8' "$(get "$file" $((8 * GIB - 4)) 100)"
  same $((8 * GIB + 5)) "$(stat -c %s "$file")"
  test "$(du -k "$file" | cut -f1)" -lt 2048
}

cut_and_grown() {
  local file=$WORK/cut
  put "$file" $((6 * GIB)) far
  truncate -s $((5 * GIB)) "$file"
  same $((5 * GIB)) "$(stat -c %s "$file")"
  truncate -s $((7 * GIB)) "$file"
  same '...' "$(get "$file" $((6 * GIB)) 3)"
  put "$file" $((4 * GIB - 2)) cross
  same '..cross..' "$(get "$file" $((4 * GIB - 4)) 9)"
}

a_tebibyte() {
  local file=$WORK/tebibyte
  truncate -s $((1024 * GIB)) "$file"
  put "$file" $((1023 * GIB + 123456789)) 'one changed block'
  same 'one changed block' "$(get "$file" $((1023 * GIB + 123456789)) 17)"
  same $((1024 * GIB)) "$(stat -c %s "$file")"
  test "$(du -k "$file" | cut -f1)" -lt 2048
  mv "$file" "$file.moved"
  same 'changed' "$(get "$file.moved" $((1023 * GIB + 123456789 + 4)) 7)"
}

a_file_system_inside() {
  truncate -s 6G "$WORK/disk"
  mkfs.ext4 -q -F "$WORK/disk"
  e2fsck -f -n "$WORK/disk"
}

check 'writes across 1, 2, 4, 5 and 8 GiB' across_edges
check 'cut and grown beyond 4 GiB' cut_and_grown
check 'one changed block of a tebibyte' a_tebibyte
check 'an ext4 of 6 GiB in a file' a_file_system_inside
finish
