#!/usr/bin/python3
"""read-tree.py DIRECTORY [SAMPLE_OVER_BYTES]: everything about a tree, one JSON object per line, sorted by path.

Paths, targets, names and values of extended attributes are byte keys (one character a byte); times are nanoseconds, as text.
"content" is a SHA-256 that does not depend on where holes are: blocks of zeros count nothing. Files larger than
SAMPLE_OVER_BYTES (for file systems that cannot tell holes, such as NFSv3) are read only at their ends and around
the powers of two. "first" is the first path of the same inode.
"""
import hashlib
import json
import os
import stat
import sys

BLOCK_BYTES = 65536
WINDOW_BYTES = 2 * BLOCK_BYTES
ZEROS = bytes(BLOCK_BYTES)
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
         stat.S_IFSOCK: "socket", stat.S_IFBLK: "block", stat.S_IFCHR: "character"}


def text(data):
    return data.decode("latin-1")


def data_ranges(file, size):
    at = 0
    while at < size:
        try:
            at = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        end = os.lseek(file, at, os.SEEK_HOLE)
        yield at, end
        at = end


def sample_ranges(size):
    places = [0, size] + [1 << power for power in range(20, size.bit_length())]
    return [(max(0, place - WINDOW_BYTES), min(size, place + WINDOW_BYTES)) for place in places]


def content(path, size):
    file = os.open(path, os.O_RDONLY)
    total = hashlib.sha256()
    after = 0
    sampled = sample_over is not None and size > sample_over
    for start, end in sorted(sample_ranges(size)) if sampled else data_ranges(file, size):
        # Whole blocks, each once, whatever the ranges: what counts is the content and not how it is stored.
        at = max(after, start - start % BLOCK_BYTES)
        while at < end:
            block = os.pread(file, BLOCK_BYTES, at)
            if block != ZEROS[:len(block)]:
                total.update(b"%d:%d:" % (at, len(block)) + block)
            at += BLOCK_BYTES
        after = max(after, at)
    os.close(file)
    return total.hexdigest()


def record(path, name):
    what = os.lstat(path)
    kind = TYPES[stat.S_IFMT(what.st_mode)]
    entry = {"path": text(name), "type": kind, "mode": stat.S_IMODE(what.st_mode), "nlink": what.st_nlink,
             "uid": what.st_uid, "gid": what.st_gid, "size": what.st_size, "atime": str(what.st_atime_ns),
             "mtime": str(what.st_mtime_ns), "ctime": str(what.st_ctime_ns)}
    if kind == "directory":
        del entry["size"]
    elif what.st_nlink > 1:
        entry["first"] = text(first_path.setdefault((what.st_dev, what.st_ino), name))
    if kind in ("block", "character"):
        entry["rdev"] = [os.major(what.st_rdev), os.minor(what.st_rdev)]
    if kind == "symlink":
        entry["target"] = text(os.readlink(path))
    if kind == "file":
        entry["content"] = content(path, what.st_size)
    try:
        names = sorted(os.listxattr(path, follow_symlinks=False))
        entry["xattrs"] = {each: text(os.getxattr(path, each, follow_symlinks=False)) for each in names}
    except OSError:  # not a thing of this file system
        pass
    return entry


def walk(path, name):
    print(json.dumps(record(path, name)))
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for child in sorted(os.listdir(path)):
            walk(path + b"/" + child, name.rstrip(b"/") + b"/" + child)


sample_over = int(sys.argv[2]) if len(sys.argv) > 2 else None
first_path = {}
sys.setrecursionlimit(10_000)
walk(os.fsencode(sys.argv[1]), b"/")
