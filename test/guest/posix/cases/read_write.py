"""read(2), write(2), mmap(2), lseek(2) on files that were there before"""

import errno
import mmap
import os
import random

from harness.catalogue import Suite
from harness.objects import directory, file, hard_link
from harness.people import OWNER, STRANGER
from harness.trial import read_uncached

suite = Suite('read_write')

BLOCK = 4096


def pattern(length, seed=1):
    return random.Random(seed).randbytes(length)


OLD = pattern(5 * BLOCK + 123)
#: Around the edges of blocks and of the file.
OFFSETS = (
    0,
    1,
    BLOCK - 1,
    BLOCK,
    BLOCK + 1,
    2 * BLOCK - 2,
    3 * BLOCK,
    len(OLD) - 1,
    len(OLD),
    len(OLD) + 1,
    9 * BLOCK,
)
LENGTHS = (1, 2, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK)


def overlay(content, offset, data):
    """What a write leaves."""
    content += b'\0' * (offset - len(content))
    return content[:offset] + data + content[offset + len(data) :]


for offset in OFFSETS:

    @suite.case(f'writes at {offset}', {f'f{length}': file(OLD) for length in LENGTHS})
    def _(t, offset=offset):
        for length in LENGTHS:
            data = pattern(length, 2)
            with t.moves({f'f{length}': 'mc', '.': ''}):
                with open(f'f{length}', 'r+b') as stream:
                    stream.seek(offset)
                    stream.write(data)
            wanted = overlay(OLD, offset, data)
            t.is_as(f'f{length}', size=len(wanted))
            t.holds(f'f{length}', wanted)


@suite.case('many small writes, read back after each', {'f': file(OLD)})
def _(t):
    order = random.Random(3)
    content = OLD
    descriptor = os.open('f', os.O_RDWR)
    for turn in range(60):
        offset = order.randrange(len(OLD) + BLOCK)
        data = order.randbytes(order.randrange(1, 300))
        os.pwrite(descriptor, data, offset)
        content = overlay(content, offset, data)
        if turn % 20 == 19:
            t.equal(read_uncached('f') == content, True, f'content after {turn + 1} writes')
    os.close(descriptor)
    t.holds('f', content)


@suite.case('reads at every edge', {'f': file(OLD)})
def _(t):
    descriptor = os.open('f', os.O_RDONLY)
    for offset in OFFSETS:
        for length in LENGTHS:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            t.equal(
                os.pread(descriptor, length, offset) == OLD[offset : offset + length],
                True,
                f'{length} at {offset}',
            )
    os.close(descriptor)


@suite.case('a mapped write', {'f': file(OLD), 'other': hard_link('f')})
def _(t):
    with open('f', 'r+b') as stream, mmap.mmap(stream.fileno(), 0) as view:
        view[BLOCK - 5 : BLOCK + 5] = b'0123456789'
        view[len(OLD) - 3 :] = b'end'
        view.flush()
        t.equal(os.pread(stream.fileno(), 10, BLOCK - 5), b'0123456789', 'read sees the mapped write')
        os.pwrite(stream.fileno(), b'written', 100)
        t.equal(view[100:107], b'written', 'the map sees the write')
    content = overlay(overlay(overlay(OLD, BLOCK - 5, b'0123456789'), 100, b'written'), len(OLD) - 3, b'end')
    t.holds('f', content)
    t.holds('other', content)


@suite.case('a private map changes nothing', {'f': file(OLD)})
def _(t):
    with (
        t.still('f'),
        open('f', 'rb') as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY) as view,
    ):
        view[0:4] = b'mine'
    t.holds('f', OLD)


@suite.case('holes', {'f': file(b'begin', size=100000), 'g': file()})
def _(t):
    t.holds('f', b'begin' + b'\0' * 99995)
    for name, content in (('f', b'begin' + b'\0' * 99995), ('g', b'')):
        descriptor = os.open(name, os.O_RDWR)
        os.pwrite(descriptor, b'middle', 50001)
        os.pwrite(descriptor, b'far', 300000)
        os.close(descriptor)
        t.holds(name, overlay(overlay(content, 50001, b'middle'), 300000, b'far'))


for far in (2**31 - 2, 2**31, 2**32 - 3, 2**32, 2**40):

    @suite.case(f'at {far}', {'f': file(b'start')})
    def _(t, far=far):
        descriptor = os.open('f', os.O_RDWR)
        t.equal(os.pwrite(descriptor, b'far away', far), 8, 'bytes written')
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        t.equal(os.fstat(descriptor).st_size, far + 8, 'size')
        t.equal(os.pread(descriptor, 100, far - 2), b'\0\0far away', 'what was written')
        t.equal(os.pread(descriptor, 8, 0), b'start\0\0\0', 'the start')
        t.equal(os.lseek(descriptor, 0, os.SEEK_END), far + 8, 'the end')
        t.true(os.fstat(descriptor).st_blocks * 512 < 2**30, 'it takes little room')
        os.close(descriptor)


@suite.case('beyond the largest offset', {'f': file(b'x')})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    t.fails(errno.EINVAL, os.pwrite, descriptor, b'y', -1)
    t.fails((errno.EFBIG, errno.EINVAL), os.pwrite, descriptor, b'yy', 2**63 - 2)
    os.close(descriptor)
    t.is_as('f', size=1)


@suite.case('nothing written, nothing changed', {'f': file(OLD)})
def _(t):
    with t.still('f'):
        descriptor = os.open('f', os.O_RDWR)
        t.equal(os.write(descriptor, b''), 0, 'bytes written')
        t.equal(os.pwrite(descriptor, b'', 10**6), 0, 'bytes written far away')
        os.close(descriptor)
    t.is_as('f', size=len(OLD))


@suite.case('through a descriptor without the right', {'f': file(OLD), 'd': directory()})
def _(t):
    reader = os.open('f', os.O_RDONLY)
    writer = os.open('f', os.O_WRONLY)
    t.fails(errno.EBADF, os.write, reader, b'x')
    t.fails(errno.EBADF, os.read, writer, 1)
    os.close(reader)
    os.close(writer)
    t.holds('f', OLD)


@suite.case('two descriptors, one content', {'f': file(OLD)})
def _(t):
    one = os.open('f', os.O_RDWR)
    two = os.open('f', os.O_RDWR)
    os.pwrite(one, b'ONE', 10)
    t.equal(os.pread(two, 3, 10), b'ONE', 'seen by the other')
    os.pwrite(two, b'TWO', 11)
    t.equal(os.pread(one, 4, 10), b'OTWO', 'seen by the first')
    os.close(one)
    os.close(two)
    t.holds('f', overlay(OLD, 10, b'OTWO'))


@suite.case('appending by several processes in turn', {'f': file(b'log\n', mode=0o666, owner=OWNER)})
def _(t):
    for turn in range(5):
        t.does(append, 'f', b'line %d\n' % turn, who=STRANGER if turn % 2 else OWNER)
    t.holds('f', b'log\nline 0\nline 1\nline 2\nline 3\nline 4\n')


def append(path, data):
    with open(path, 'ab') as stream:
        stream.write(data)


@suite.case('a large file', {'f': file(pattern(300_000, 7))})
def _(t):
    content = pattern(300_000, 7)
    addition = pattern(2_000_000, 8)
    with open('f', 'r+b') as stream:
        stream.seek(250_001)
        stream.write(addition)
    content = overlay(content, 250_001, addition)
    t.is_as('f', size=len(content))
    t.holds('f', content)


@suite.case('written, closed, opened, written', {'f': file(OLD)})
def _(t):
    content = OLD
    for turn in range(8):
        with open('f', 'r+b') as stream:
            stream.seek(turn * 2500)
            stream.write(b'turn %d' % turn)
        content = overlay(content, turn * 2500, b'turn %d' % turn)
        t.holds('f', content)


@suite.case('rewritten as editors do', {'f': file(OLD, mode=0o640, owner=OWNER)})
def _(t):
    with open('f.new', 'wb') as stream:
        stream.write(b'edited' + OLD)
        stream.flush()
        os.fsync(stream.fileno())
    os.link('f', 'f~')
    os.rename('f.new', 'f')
    t.holds('f', b'edited' + OLD)
    t.holds('f~', OLD)
    t.is_as('f~', nlink=1, mode=0o640, uid=OWNER.uid)
    t.does(os.unlink, 'f~')
    t.lists('.', ['f'])


@suite.case('copied inside', {'f': file(OLD), 'd': directory()})
def _(t):
    source = os.open('f', os.O_RDONLY)
    target = os.open('d/copy', os.O_CREAT | os.O_WRONLY, 0o600)
    sent = 0
    while sent < len(OLD):
        sent += os.sendfile(target, source, sent, len(OLD) - sent)
    os.close(source)
    os.close(target)
    t.holds('d/copy', OLD)


@suite.case('reading moves no times but atime', {'f': file(OLD)})
def _(t):
    with t.still('f', '.'):
        t.holds('f', OLD)
        t.does(os.stat, 'f')
        os.listdir('.')
