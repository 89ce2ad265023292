"""truncate(2) and ftruncate(2)"""

import errno
import os
import resource
import signal

from harness import syscalls
from harness.catalogue import Suite
from harness.objects import directory, file, hard_link, of_kind, symlink
from harness.people import CROWDED, MEMBER, OWNER, PEER, STRANGER

suite = Suite('truncate')

BLOCK = 4096
OLD = bytes(range(256)) * 48 + b'tail'
SIZES = (
    0,
    1,
    255,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    2 * BLOCK,
    3 * BLOCK - 1,
    3 * BLOCK,
    len(OLD),
    len(OLD) + 1,
    20000,
    100001,
)


def ftruncate(path, length):
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.ftruncate(descriptor, length)
    finally:
        os.close(descriptor)


def cut(content, length):
    return content[:length] + b'\0' * (length - len(content))


for call in (os.truncate, ftruncate):
    for size in SIZES:

        @suite.case(f'{call.__name__} to {size}', {'f': file(OLD), 'g': hard_link('f')})
        def _(t, call=call, size=size):
            # Whether the times move when the size stays is left open.
            with t.moves({'.': ''} if size == len(OLD) else {'f': 'mc', '.': ''}):
                t.does(call, 'f', size)
            t.is_as('f', size=size, nlink=2)
            t.holds('g', cut(OLD, size))

        @suite.case(f'{call.__name__} to {size} and up again', {'f': file(OLD)})
        def _(t, call=call, size=size):
            t.does(call, 'f', size)
            t.does(call, 'f', 30000)
            t.is_as('f', size=30000)
            t.holds('f', cut(cut(OLD, size), 30000))

    @suite.case(f'{call.__name__} down, write, up, write', {'f': file(b'x' * 50000)})
    def _(t, call=call):
        content = b'x' * 50000
        for step, size in enumerate((40001, 8192, 12288, 12000, 60000, 59999, 4097, 4096, 9000, 0, 5000)):
            t.does(call, 'f', size)
            content = cut(content, size)
            at = size // 2
            with open('f', 'r+b') as stream:
                stream.seek(at)
                stream.write(b'<%d>' % step)
            content = content[:at] + b'<%d>' % step + content[at + len(b'<%d>' % step) :]
            t.holds('f', content)

    @suite.case(f'{call.__name__} of huge files', {'f': file(b'begin')})
    def _(t, call=call):
        for size in (2**31 - 1, 2**31, 2**32, 2**32 + 5, 2**40):
            t.does(call, 'f', size)
            t.is_as('f', size=size)
            with open('f', 'rb') as stream:
                t.equal(stream.read(8), b'begin\0\0\0', 'its start')
                stream.seek(size - 4)
                t.equal(stream.read(), b'\0' * 4, 'its end')
        t.does(call, 'f', 3)
        t.holds('f', b'beg')

    @suite.case(
        f'{call.__name__} of what is no file',
        {kind: of_kind(kind, mode=0o666) for kind in ('directory', 'fifo', 'socket', 'char')},
    )
    def _(t, call=call):
        t.fails(errno.EISDIR, call, 'directory', 0)
        t.fails((errno.ENXIO, errno.EINVAL), call, 'socket', 0)
        if call is os.truncate:
            t.fails(errno.EINVAL, call, 'fifo', 0)
            t.fails(errno.EINVAL, call, 'char', 0)
        t.lists('.', ['char', 'directory', 'fifo', 'socket'])

    @suite.case(
        f'{call.__name__} in spite of the mode',
        {
            'owned': file(OLD, mode=0o400, owner=OWNER),
            'other': file(OLD, mode=0o755, owner=OWNER),
            'group': file(OLD, mode=0o660, owner=OWNER),
        },
    )
    def _(t, call=call):
        for person, name in ((OWNER, 'owned'), (STRANGER, 'other'), (PEER, 'other'), (STRANGER, 'group')):
            with t.still(name):
                t.fails(errno.EACCES, call, name, 10, who=person)
        t.holds('owned', OLD)
        t.does(call, 'other', 9, who=OWNER)
        t.does(call, 'group', 8, who=PEER)
        t.does(call, 'group', 7, who=MEMBER)
        t.does(call, 'group', 6, who=CROWDED)
        t.does(call, 'owned', 5)
        t.is_as('other', size=9)
        t.is_as('group', size=6)
        t.is_as('owned', size=5)


@suite.case('through a link', {'f': file(OLD), 's': symlink('f'), 'gone': symlink('no')})
def _(t):
    with t.moves({'f': 'mc', 's': ''}):
        t.does(os.truncate, 's', 5)
    t.is_as('f', size=5)
    t.fails(errno.ENOENT, os.truncate, 'gone', 5)


@suite.case('lengths that are refused', {'f': file(OLD)})
def _(t):
    with t.still('f'):
        t.fails(errno.EINVAL, syscalls.truncate, 'f', -1)
        t.fails(errno.EINVAL, syscalls.truncate, 'f', -(2**63))
        t.fails((errno.EFBIG, errno.EINVAL), syscalls.truncate, 'f', 2**63 - 1)
    t.holds('f', OLD)


def limited(path, length):
    """truncate under RLIMIT_FSIZE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK, hard))
    try:
        os.truncate(path, length)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


@suite.case("beyond the process's limit", {'f': file(b'small')})
def _(t):
    t.fails(errno.EFBIG, limited, 'f', BLOCK + 1)
    t.is_as('f', size=5)
    t.does(limited, 'f', BLOCK)
    t.is_as('f', size=BLOCK)


@suite.case('a descriptor that cannot write', {'f': file(OLD), 'd': directory()})
def _(t):
    for name in ('f', 'd'):
        descriptor = os.open(name, os.O_RDONLY)
        t.fails((errno.EINVAL, errno.EBADF), os.ftruncate, descriptor, 5)
        os.close(descriptor)
    t.is_as('f', size=len(OLD))


@suite.case('a descriptor whose right was taken away', {'f': file(OLD, mode=0o600, owner=OWNER)})
def _(t):
    def shrink():
        descriptor = os.open('f', os.O_RDWR)
        os.chmod('f', 0)
        os.ftruncate(descriptor, 7)
        os.close(descriptor)

    t.does(shrink, who=OWNER)
    t.is_as('f', size=7, mode=0)


@suite.case('while it is open elsewhere', {'f': file(b'y' * 20000)})
def _(t):
    one = os.open('f', os.O_RDWR)
    two = os.open('f', os.O_RDWR)
    os.ftruncate(one, 100)
    t.equal(os.fstat(two).st_size, 100, 'size seen by the other')
    t.equal(os.pread(two, 1000, 0), b'y' * 100, 'content seen by the other')
    os.pwrite(two, b'z', 5000)
    t.equal(os.fstat(one).st_size, 5001, 'size seen by the first')
    t.equal(os.pread(one, 6000, 0), cut(b'y' * 100, 5000) + b'z', 'content seen by the first')
    os.close(one)
    os.close(two)


@suite.case('written to but not synced before', {'f': file(b'p' * 10000)})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    os.pwrite(descriptor, b'new' * 2000, 3000)
    os.ftruncate(descriptor, 6001)
    os.ftruncate(descriptor, 12000)
    os.pwrite(descriptor, b'last', 11000)
    os.close(descriptor)
    t.holds('f', b'p' * 3000 + (b'new' * 2000)[:3001] + b'\0' * 4999 + b'last' + b'\0' * 996)
