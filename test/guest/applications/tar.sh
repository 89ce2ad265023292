#!/bin/bash
# Archives of a tree with every type of object.
. "$(dirname "$0")/checks.sh"

SOURCE=$(source_tree)

pack_and_unpack() {
  mkdir "$WORK/out"
  tar -C "$SOURCE" --format=posix --numeric-owner --sparse -cf "$WORK/all.tar" .
  tar -C "$WORK/out" --numeric-owner --same-permissions -xf "$WORK/all.tar"
}

equal() {
  diff <(describe_tree "$SOURCE") <(describe_tree "$WORK/out")
  diff <(sum_tree "$SOURCE") <(sum_tree "$WORK/out")
  tar -C "$WORK/out" --numeric-owner --compare -f "$WORK/all.tar"
}

over_itself() {
  tar -C "$WORK/out" --numeric-owner --same-permissions -xf "$WORK/all.tar"
  diff <(describe_tree "$SOURCE") <(describe_tree "$WORK/out")
}

through_a_pipe() {
  mkdir "$WORK/piped"
  tar -C "$WORK/out" --format=posix -cf - . | tar -C "$WORK/piped" -xf -
  diff <(describe_tree "$WORK/out") <(describe_tree "$WORK/piped")
}

compressed_and_grown() {
  tar -C "$WORK/out" -czf "$WORK/some.tar.gz" .
  gzip -t "$WORK/some.tar.gz"
  echo late >"$WORK/out/late"
  tar -C "$WORK/out" -rf "$WORK/all.tar" ./late
  same late "$(tar -xOf "$WORK/all.tar" ./late)"
}

check 'pack and unpack' pack_and_unpack
check 'nothing is different' equal
check 'unpacked over itself' over_itself
check 'through a pipe' through_a_pipe
check 'compressed; an archive that grows' compressed_and_grown
finish
