"""Prepared objects: what a case finds when it starts.

A case never makes what it works on; it describes it here. The runner makes it on the mount (fresh), or
`make-seed.py` made it in the image before there was a mount (seeded). So every case runs in both worlds.
"""

import os
import stat
from dataclasses import dataclass, field

from .people import ROOT, Person


@dataclass(frozen=True)
class Prepared:
    kind: str
    mode: int = 0o644
    owner: Person = ROOT
    content: bytes = b''
    size: int = None
    target: bytes = b''
    device: int = 0
    children: dict = field(default_factory=dict)
    #: (atime, mtime) in nanoseconds; None leaves what making it gave.
    times: tuple = None


def file(content=b'', mode=0o644, owner=ROOT, size=None, times=None):
    """A regular file; `size` beyond the content makes a hole at the end."""
    return Prepared('file', mode, owner, content=content, size=size, times=times)


def directory(children=None, mode=0o755, owner=ROOT, times=None):
    return Prepared('directory', mode, owner, children=children or {}, times=times)


def symlink(target, owner=ROOT, times=None):
    return Prepared('symlink', 0o777, owner, target=os.fsencode(target), times=times)


def fifo(mode=0o644, owner=ROOT):
    return Prepared('fifo', mode, owner)


def sock(mode=0o644, owner=ROOT):
    return Prepared('socket', mode, owner)


def block(major=7, minor=250, mode=0o644, owner=ROOT):
    return Prepared('block', mode, owner, device=os.makedev(major, minor))


def char(major=1, minor=3, mode=0o644, owner=ROOT):
    return Prepared('char', mode, owner, device=os.makedev(major, minor))


def hard_link(path):
    """Another name of an object that was described before, by its path in the case's directory."""
    return Prepared('link', target=os.fsencode(path))


def of_kind(kind, owner=ROOT, mode=0o644):
    """One object of the kind; for loops over all kinds."""
    if kind == 'symlink':
        return symlink('nowhere', owner)
    if kind == 'directory':
        return directory(owner=owner, mode=mode | (mode & 0o444) >> 2)
    return {'file': file, 'fifo': fifo, 'socket': sock, 'block': block, 'char': char}[kind](
        mode=mode, owner=owner
    )


FILE_KINDS = ('file', 'symlink', 'fifo', 'socket', 'block', 'char')
ALL_KINDS = ('file', 'directory', 'symlink', 'fifo', 'socket', 'block', 'char')

FORMAT_OF_KIND = {
    'file': stat.S_IFREG,
    'directory': stat.S_IFDIR,
    'symlink': stat.S_IFLNK,
    'fifo': stat.S_IFIFO,
    'socket': stat.S_IFSOCK,
    'block': stat.S_IFBLK,
    'char': stat.S_IFCHR,
}


def kind_of(status):
    """The kind of a stat result."""
    return next(kind for kind, bits in FORMAT_OF_KIND.items() if stat.S_IFMT(status.st_mode) == bits)


def make_tree(base, children):
    """Makes the described objects in the directory `base` (bytes); '.' describes `base` itself."""
    for name, prepared in children.items():
        if name != '.':
            _make(base, os.path.join(base, os.fsencode(name)), prepared)
    if '.' in children:
        _dress(base, children['.'])


def _make(base, path, prepared):
    if prepared.kind == 'link':
        os.link(os.path.join(base, prepared.target), path, follow_symlinks=False)
        return
    if prepared.kind == 'directory':
        os.mkdir(path, 0o700)
        for name, child in prepared.children.items():
            _make(base, os.path.join(path, os.fsencode(name)), child)
    elif prepared.kind == 'symlink':
        os.symlink(prepared.target, path)
    elif prepared.kind == 'file':
        _make_file(path, prepared)
    else:
        os.mknod(path, FORMAT_OF_KIND[prepared.kind] | 0o600, prepared.device)
    _dress(path, prepared)


def _make_file(path, prepared):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        written = 0
        while written < len(prepared.content):
            written += os.write(descriptor, prepared.content[written:])
        if prepared.size is not None:
            os.ftruncate(descriptor, prepared.size)
    finally:
        os.close(descriptor)


def _dress(path, prepared):
    # Owner before mode: chown takes suid and sgid away.
    if prepared.owner != ROOT:
        os.chown(path, prepared.owner.uid, prepared.owner.gid, follow_symlinks=False)
    if prepared.kind != 'symlink':
        os.chmod(path, prepared.mode)
    if prepared.times is not None:
        os.utime(path, ns=prepared.times, follow_symlinks=False)
