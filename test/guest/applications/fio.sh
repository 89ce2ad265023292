#!/bin/bash
# Random writes of fio, read back and compared by their checksums.
. "$(dirname "$0")/checks.sh"

COMMON=(--directory="$WORK" --size=24m --rw=randwrite --verify=crc32c --verify_fatal=1 --do_verify=1
  --minimal --group_reporting --fallocate=none --randseed=4711)

buffered() { fio --name=buffered --ioengine=psync --bsrange=512-64k --fsync=200 "${COMMON[@]}"; }
direct() { fio --name=direct --ioengine=psync --direct=1 --bs=4k --io_size=8m --verify_backlog=500 "${COMMON[@]}"; }
direct_large() { fio --name=large --ioengine=libaio --iodepth=8 --direct=1 --bs=256k "${COMMON[@]}"; }
mapped() { fio --name=mapped --ioengine=mmap --bs=4k "${COMMON[@]}"; }
many_files() { fio --name=many --ioengine=psync --nrfiles=40 --bs=8k --numjobs=2 "${COMMON[@]}" --size=4m; }
over_written() {
  fio --name=over --ioengine=psync --bs=4k "${COMMON[@]}"
  fio --name=over --ioengine=psync --bs=16k "${COMMON[@]}" --randseed=815
}

check 'random writes, buffered' buffered
check 'random writes, O_DIRECT, one at a time' direct
check 'random writes, O_DIRECT, eight at a time' direct_large
check 'random writes through a map' mapped
check 'many files by two jobs' many_files
check 'written over' over_written
finish
