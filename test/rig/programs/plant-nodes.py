#!/usr/bin/python3
"""plant-nodes.py make|set DIRECTORY: does to a tree what Node has no call for. Standard input: one JSON object per line.

  {"path", "type", "mode", "uid", "gid", "rdev": [major, minor], "target", "linkTo", "atime", "mtime", "xattrs"}
Paths and targets are byte keys (one character a byte), absolute in the tree; times are nanoseconds, as text.
  make  makes the names in the order given; files are empty
  set   sets owners, modes, attributes and times, the last line first, so that a directory's times are set after its names;
        a further name that is not a hard link (mkfs -d copies links of symlinks) becomes one
"""
import json
import os
import stat
import sys

TYPES = {"file": stat.S_IFREG, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "block": stat.S_IFBLK, "character": stat.S_IFCHR}


def key(text):
    return text.encode("latin-1")


def make(path, node):
    if "linkTo" in node:
        os.link(root + key(node["linkTo"]), path, follow_symlinks=False)
    elif node["type"] == "directory":
        os.makedirs(path, exist_ok=node["path"] == "/")
    elif node["type"] == "symlink":
        os.symlink(key(node["target"]), path)
    else:
        os.mknod(path, TYPES[node["type"]] | 0o600, os.makedev(*node["rdev"]))


def set_attributes(path, node):
    if "linkTo" in node:
        if not os.path.samestat(os.lstat(path), os.lstat(root + key(node["linkTo"]))):
            os.unlink(path)
            make(path, node)
        return
    os.chown(path, node["uid"], node["gid"], follow_symlinks=False)
    if node["type"] != "symlink":
        os.chmod(path, node["mode"])
    for name, value in node.get("xattrs", {}).items():
        os.setxattr(path, name, key(value), follow_symlinks=False)
    os.utime(path, ns=(int(node["atime"]), int(node["mtime"])), follow_symlinks=False)


root = os.fsencode(sys.argv[2])
nodes = [json.loads(line) for line in sys.stdin]
for each in nodes if sys.argv[1] == "make" else reversed(nodes):
    where = root + key(each["path"]) if each["path"] != "/" else root
    (make if sys.argv[1] == "make" else set_attributes)(where, each)
