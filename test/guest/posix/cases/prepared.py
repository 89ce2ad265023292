"""Longer stories about objects that were there before: what a machine does to its image"""

import errno
import os

from harness.catalogue import Suite
from harness.objects import ALL_KINDS, block, char, directory, fifo, file, hard_link, of_kind, sock, symlink
from harness.people import MEMBER, OWNER, STRANGER

suite = Suite('prepared')


@suite.case(
    'everything is as it was prepared',
    {
        'f': file(b'content' * 3000, mode=0o6751, owner=OWNER, times=(11_000_000_022, 33_000_000_044)),
        'empty': file(mode=0o000, owner=MEMBER),
        'sparse': file(b'x', size=10_000_000),
        'd': directory({'x': file(), 'y': directory()}, mode=0o3775, owner=OWNER),
        's': symlink('../some/where', STRANGER),
        'p': fifo(mode=0o640, owner=OWNER),
        'k': sock(mode=0o620, owner=OWNER),
        'b': block(8, 17, mode=0o660, owner=OWNER),
        'c': char(5, 1, mode=0o602, owner=OWNER),
        'h': hard_link('f'),
    },
)
def _(t):
    t.is_as(
        'f',
        kind='file',
        mode=0o6751,
        uid=OWNER.uid,
        gid=OWNER.gid,
        size=21000,
        nlink=2,
        mtime_ns=33_000_000_044,
    )
    t.is_as('h', nlink=2, ino=os.stat('f').st_ino)
    t.is_as('empty', kind='file', mode=0, uid=MEMBER.uid, size=0, nlink=1)
    t.is_as('sparse', size=10_000_000)
    t.is_as('d', kind='directory', mode=0o3775, uid=OWNER.uid, nlink=3)
    t.is_as('s', kind='symlink', uid=STRANGER.uid, size=13)
    t.is_as('p', kind='fifo', mode=0o640, uid=OWNER.uid)
    t.is_as('k', kind='socket', mode=0o620, uid=OWNER.uid)
    t.is_as('b', kind='block', mode=0o660, rdev=os.makedev(8, 17))
    t.is_as('c', kind='char', mode=0o602, rdev=os.makedev(5, 1))
    t.holds('f', b'content' * 3000)
    t.holds('sparse', b'x' + b'\0' * 9_999_999)
    t.equal(os.readlink('s'), '../some/where', 'target')
    t.lists('.', ['b', 'c', 'd', 'empty', 'f', 'h', 'k', 'p', 's', 'sparse'])


for kind in ALL_KINDS:

    @suite.case(
        f'a {kind} changed in every way, one after the other',
        {'d': directory({'o': of_kind(kind, OWNER)}), 'e': directory()},
    )
    def _(t, kind=kind):
        number = os.lstat('d/o').st_ino
        os.lchown('d/o', MEMBER.uid, STRANGER.gid)
        if kind != 'symlink':
            os.chmod('d/o', 0o461)
        os.utime('d/o', ns=(5_000_000_006, 7_000_000_008), follow_symlinks=False)
        os.rename('d/o', 'e/p')
        os.rename('e', 'd/e')
        mode = 0o777 if kind == 'symlink' else 0o461
        t.is_as(
            'd/e/p',
            kind=kind,
            uid=MEMBER.uid,
            gid=STRANGER.gid,
            mode=mode,
            mtime_ns=7_000_000_008,
            ino=number,
        )
        if kind == 'directory':
            os.mkdir('d/e/p/q')
            t.fails(errno.ENOTEMPTY, os.rmdir, 'd/e/p')
            os.rmdir('d/e/p/q')
            os.rmdir('d/e/p')
        else:
            os.link('d/e/p', 'd/again', follow_symlinks=False)
            os.unlink('d/e/p')
            t.is_as('d/again', kind=kind, uid=MEMBER.uid, mode=mode, ino=number, nlink=1)
            os.unlink('d/again')
        t.lists('d/e', [])
        os.rmdir('d/e')
        t.lists('d', [])


@suite.case(
    'a tree is removed and comes back different',
    {
        'usr': directory(
            {
                'bin': directory(
                    {f'tool{number}': file(b'old %d' % number, mode=0o755) for number in range(12)}
                ),
                'lib': directory(
                    {
                        'so': file(b'lib'),
                        'so.1': symlink('so'),
                        'deep': directory({'er': directory({'est': file(b'x')})}),
                    }
                ),
                'empty': directory(),
            }
        )
    },
)
def _(t):
    for top, names, files in os.walk('usr', topdown=False):
        for name in files:
            os.unlink(os.path.join(top, name))
        for name in names:
            os.rmdir(os.path.join(top, name))
    t.lists('usr', [])
    os.makedirs('usr/lib/deep')
    with open('usr/bin', 'wb') as stream:
        stream.write(b'a file now')
    t.lists('usr', ['bin', 'lib'])
    t.lists('usr/lib', ['deep'])
    t.lists('usr/lib/deep', [])
    t.holds('usr/bin', b'a file now')
    t.gone('usr/lib/so', 'usr/lib/deep/er', 'usr/empty')
    t.is_as('usr', nlink=3)


@suite.case(
    'three names of one file go three ways',
    {
        'a': file(b'shared' * 2000, owner=OWNER),
        'd': directory({'b': hard_link('a'), 'e': directory({'c': hard_link('a')})}),
    },
)
def _(t):
    os.rename('d/e', 'e')
    with open('d/b', 'r+b') as stream:
        stream.write(b'CHANGE')
    t.holds('a', b'CHANGE' + b'shared' * 1999)
    t.holds('e/c', b'CHANGE' + b'shared' * 1999)
    os.unlink('a')
    t.is_as('e/c', nlink=2, uid=OWNER.uid)
    os.chmod('e/c', 0o600)
    t.is_as('d/b', mode=0o600, ino=os.stat('e/c').st_ino)
    os.link('d/b', 'a')
    os.truncate('a', 6)
    t.holds('e/c', b'CHANGE')
    os.unlink('d/b')
    os.unlink('a')
    t.is_as('e/c', nlink=1)
    t.holds('e/c', b'CHANGE')


@suite.case(
    'a moved directory and its old place live apart',
    {
        'a': directory({'f': file(b'f'), 'g': file(b'g'), 'sub': directory({'h': file(b'h')})}),
    },
)
def _(t):
    os.rename('a', 'b')
    os.mkdir('a')
    with open('a/f', 'wb') as stream:
        stream.write(b'another')
    os.unlink('b/g')
    os.mkdir('a/sub')
    os.rename('b/sub/h', 'a/sub/h2')
    t.lists('a', ['f', 'sub'])
    t.lists('b', ['f', 'sub'])
    t.holds('a/f', b'another')
    t.holds('b/f', b'f')
    t.holds('a/sub/h2', b'h')
    t.lists('b/sub', [])
    t.gone('a/g', 'b/g', 'a/sub/h', 'b/sub/h')


@suite.case(
    'a chain of directories is turned inside out',
    {'a': directory({'b': directory({'c': directory({'d': directory({'leaf': file(b'leaf')})})})})},
)
def _(t):
    os.rename('a/b/c/d', 'd')
    os.rename('a/b/c', 'd/c')
    os.rename('a/b', 'd/c/b')
    os.rename('a', 'd/c/b/a')
    t.holds('d/leaf', b'leaf')
    t.lists('d', ['c', 'leaf'])
    t.lists('d/c/b/a', [])
    t.equal(os.stat('d/c/b/a/../../../..').st_ino, os.stat('.').st_ino, 'four steps up')
    t.fails(errno.EINVAL, os.rename, 'd', 'd/c/b/a/d')
    t.is_as('.', nlink=3)


@suite.case(
    'emptied, replaced, restored',
    {'d': directory({f'f{number}': file(b'%d' % number) for number in range(30)})},
)
def _(t):
    for number in range(30):
        os.rename(f'd/f{number}', f'g{number}')
    t.lists('d', [])
    t.does(os.rmdir, 'd')
    os.mkdir('d', 0o711)
    for number in range(30):
        os.rename(f'g{number}', f'd/f{29 - number}')
    t.lists('.', ['d'])
    for number in range(0, 30, 5):
        t.holds(f'd/f{29 - number}', b'%d' % number)
    t.is_as('d', mode=0o711)


@suite.case(
    'a link to a directory becomes the directory',
    {'real': directory({'x': file(b'x')}), 'name': symlink('real')},
)
def _(t):
    t.holds('name/x', b'x')
    os.unlink('name')
    os.rename('real', 'name')
    os.symlink('name', 'real')
    t.holds('name/x', b'x')
    t.holds('real/x', b'x')
    t.is_as('real', kind='symlink')
    t.is_as('name', kind='directory')


@suite.case(
    'chmod and chown of a directory do not touch what is inside',
    {
        'd': directory(
            {'f': file(b'inside', mode=0o604, owner=OWNER), 'e': directory(mode=0o711, owner=OWNER)}
        )
    },
)
def _(t):
    with t.moves({'d': 'c', 'd/f': '', 'd/e': ''}):
        os.chmod('d', 0o2750)
        os.chown('d', STRANGER.uid, STRANGER.gid)
    t.is_as('d', mode=0o2750, uid=STRANGER.uid, nlink=3)
    t.is_as('d/f', mode=0o604, uid=OWNER.uid)
    t.is_as('d/e', mode=0o711, uid=OWNER.uid)
    os.mkdir('d/new')
    t.is_as('d/new', gid=STRANGER.gid)
    t.lists('d', ['e', 'f', 'new'])


@suite.case(
    'many small files are appended to', {f'log{number:02d}': file(b'line\n' * number) for number in range(40)}
)
def _(t):
    for number in range(40):
        with open(f'log{number:02d}', 'ab') as stream:
            stream.write(b'more\n')
    for number in range(40):
        t.holds(f'log{number:02d}', b'line\n' * number + b'more\n')


@suite.case('replaced while it is read', {'f': file(b'first' * 5000)})
def _(t):
    reader = os.open('f', os.O_RDONLY)
    head = os.read(reader, 100)
    with open('new', 'wb') as stream:
        stream.write(b'second')
    os.rename('new', 'f')
    os.posix_fadvise(reader, 0, 0, os.POSIX_FADV_DONTNEED)
    rest = b''
    while piece := os.read(reader, 1 << 16):
        rest += piece
    os.close(reader)
    t.equal(head + rest == b'first' * 5000, True, 'the reader still reads the first')
    t.holds('f', b'second')
