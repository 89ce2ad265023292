"""mknod(2): pipes, sockets, devices, plain files"""

import errno
import os
import socket
import stat

from harness.catalogue import Suite
from harness.creation import Maker, add_creation_cases
from harness.objects import block, char, directory, sock
from harness.people import OWNER, STRANGER

suite = Suite('mknod')

NULL = os.makedev(1, 3)
#: (major, minor): Linux has 12 bits and 20 bits.
DEVICES = ((0, 1), (1, 3), (1, 5), (7, 0), (8, 16), (255, 255), (256, 256), (259, 70000), (4095, 1048575))


def maker(name, kind, device=0, for_everyone=True):
    def make(path, mode):
        os.mknod(path, kind | mode, device)

    make.__name__ = f'mknod_{name}'
    return Maker(name, make, for_everyone=for_everyone)


add_creation_cases(suite, maker('fifo', stat.S_IFIFO))
add_creation_cases(suite, maker('socket', stat.S_IFSOCK))
add_creation_cases(suite, maker('file', stat.S_IFREG))
add_creation_cases(suite, maker('char', stat.S_IFCHR, NULL, for_everyone=False))
add_creation_cases(suite, maker('block', stat.S_IFBLK, os.makedev(7, 99), for_everyone=False))

for major, minor in DEVICES:

    @suite.case(f'device {major}:{minor}', {'oldc': char(major, minor), 'oldb': block(major, minor)})
    def _(t, major=major, minor=minor):
        number = os.makedev(major, minor)
        t.is_as('oldc', kind='char', rdev=number)
        t.is_as('oldb', kind='block', rdev=number)
        t.does(os.mknod, 'newc', stat.S_IFCHR | 0o600, number)
        t.does(os.mknod, 'newb', stat.S_IFBLK | 0o600, number)
        t.is_as('newc', kind='char', rdev=number, size=0)
        t.is_as('newb', kind='block', rdev=number, size=0)
        t.does(os.rename, 'oldc', 'renamed')
        t.is_as('renamed', kind='char', rdev=number)


@suite.case('a character device 0:0 is a device', {'old': char(0, 0)})
def _(t):
    t.is_as('old', kind='char', rdev=0)
    t.does(os.mknod, 'new', stat.S_IFCHR | 0o600, 0)
    t.is_as('new', kind='char', rdev=0)
    t.lists('.', ['new', 'old'])


@suite.case('only root makes devices', {'.': directory(mode=0o777)})
def _(t):
    with t.still('.'):
        t.fails(errno.EPERM, os.mknod, 'c', stat.S_IFCHR | 0o644, NULL, who=OWNER)
        t.fails(errno.EPERM, os.mknod, 'b', stat.S_IFBLK | 0o644, NULL, who=OWNER)
    t.lists('.', [])


@suite.case('no directories')
def _(t):
    t.fails((errno.EPERM, errno.EINVAL), os.mknod, 'd', stat.S_IFDIR | 0o755, 0)
    t.fails(errno.EINVAL, os.mknod, 'l', stat.S_IFLNK | 0o777, 0)
    t.lists('.', [])


def discard(path):
    """Writes to what should be the null device and reads its end."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.write(descriptor, b'into the void')
        return os.read(descriptor, 10)
    finally:
        os.close(descriptor)


@suite.case(
    'a device node leads to its device', {'null': char(1, 3, mode=0o666), 'closed': char(1, 3, mode=0o600)}
)
def _(t):
    t.equal(t.does(discard, 'null'), b'', 'nothing to read')
    t.equal(t.does(discard, 'null', who=STRANGER), b'', 'nothing to read')
    t.fails(errno.EACCES, discard, 'closed', who=STRANGER)
    t.does(os.mknod, 'new', stat.S_IFCHR | 0o666, NULL)
    t.equal(t.does(discard, 'new', who=STRANGER), b'', 'nothing to read')


@suite.case('a socket made by bind', {'old': sock()})
def _(t):
    with socket.socket(socket.AF_UNIX) as listener:
        t.fails(errno.EADDRINUSE, listener.bind, 'old')
        os.umask(0o077)
        t.does(listener.bind, 'new')
        listener.listen()
        t.is_as('new', kind='socket', mode=0o700)
        with socket.socket(socket.AF_UNIX) as caller:
            t.does(caller.connect, 'new')
            t.fails(errno.ECONNREFUSED, socket.socket(socket.AF_UNIX).connect, 'old')
    t.fails(errno.ENXIO, os.open, 'new', os.O_RDONLY)
    t.does(os.unlink, 'new')
    t.does(os.unlink, 'old')
    t.lists('.', [])
