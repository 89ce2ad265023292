"""posix_fallocate(3); NFSv3 has no such call, and the C library writes instead"""

import errno
import os

from harness.catalogue import Suite
from harness.objects import directory, fifo, file
from harness.people import OWNER

suite = Suite('posix_fallocate')

OLD = b'0123456789' * 500


def allocate(path, offset, length, flags=os.O_RDWR):
    descriptor = os.open(path, flags)
    try:
        os.posix_fallocate(descriptor, offset, length)
    finally:
        os.close(descriptor)


for offset, length in (
    (0, 1),
    (0, 5000),
    (0, 4096),
    (100, 200),
    (5000, 1),
    (4999, 2),
    (8192, 8192),
    (12345, 6789),
    (3, 20000),
):

    @suite.case(f'{length} bytes at {offset}', {'f': file(OLD), 'empty': file()})
    def _(t, offset=offset, length=length):
        t.does(allocate, 'f', offset, length)
        size = max(len(OLD), offset + length)
        t.is_as('f', size=size)
        t.holds('f', OLD + b'\0' * (size - len(OLD)))
        with t.moves({'empty': 'mc'}):
            t.does(allocate, 'empty', offset, length)
        t.is_as('empty', size=offset + length)
        t.holds('empty', b'\0' * (offset + length))


@suite.case('what is refused', {'f': file(OLD), 'd': directory(), 'p': fifo()})
def _(t):
    t.fails(errno.EINVAL, allocate, 'f', 0, 0)
    t.fails(errno.EINVAL, allocate, 'f', 0, -1)
    t.fails(errno.EINVAL, allocate, 'f', -1, 10)
    t.fails(errno.EFBIG, allocate, 'f', 2**63 - 5, 100)
    t.fails(errno.EBADF, allocate, 'f', 0, 10000, os.O_RDONLY)
    t.fails((errno.ENODEV, errno.EBADF), allocate, 'd', 0, 10, os.O_RDONLY)
    t.fails(errno.ESPIPE, allocate, 'p', 0, 10, os.O_RDWR)
    t.is_as('f', size=len(OLD))
    t.holds('f', OLD)


@suite.case('by the owner of a file', {'f': file(OLD, mode=0o600, owner=OWNER)})
def _(t):
    t.does(allocate, 'f', 0, 9000, who=OWNER)
    t.is_as('f', size=9000, uid=OWNER.uid)
