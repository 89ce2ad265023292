"""rename(2): what it does to names, objects and their times"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import ODD_NAMES
from harness.objects import ALL_KINDS, FILE_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import OWNER

suite = Suite('rename')

for kind in ALL_KINDS:

    @suite.case(f'a {kind} in its directory', {'a': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        before = os.lstat('a')
        with t.moves({'.': 'mc', ('a', 'b'): 'c'}):
            t.does(os.rename, 'a', 'b')
        t.gone('a')
        t.lists('.', ['b'])
        t.is_as(
            'b',
            kind=kind,
            ino=before.st_ino,
            uid=OWNER.uid,
            mode=before.st_mode & 0o7777,
            nlink=before.st_nlink,
        )
        t.does(os.rename, 'b', 'a')
        t.is_as('a', kind=kind, ino=before.st_ino)
        t.gone('b')

    @suite.case(
        f'a {kind} to another directory', {'from': directory({'a': of_kind(kind, OWNER)}), 'to': directory()}
    )
    def _(t, kind=kind):
        number = os.lstat('from/a').st_ino
        with t.moves({'.': '', 'from': 'mc', 'to': 'mc', ('from/a', 'to/b'): 'c'}):
            t.does(os.rename, 'from/a', 'to/b')
        t.lists('from', [])
        t.lists('to', ['b'])
        t.is_as('to/b', kind=kind, ino=number)
        t.does(os.rmdir, 'from')


def outcome(old, new):
    """What Linux says when an `old` is renamed onto an empty `new`: an errno, or 0."""
    if new == 'directory':
        return 0 if old == 'directory' else errno.EISDIR
    return errno.ENOTDIR if old == 'directory' else 0


for old in ALL_KINDS:
    for new in ALL_KINDS:

        @suite.case(f'a {old} onto a {new}', {'d': directory({'a': of_kind(old, OWNER)}), 'b': of_kind(new)})
        def _(t, old=old, new=new):
            number = os.lstat('d/a').st_ino
            if outcome(old, new):
                with t.still('.', 'd', 'd/a', 'b'):
                    t.fails(outcome(old, new), os.rename, 'd/a', 'b')
                t.is_as('d/a', kind=old)
                t.is_as('b', kind=new)
                return
            with t.moves({'.': 'mc', 'd': 'mc', ('d/a', 'b'): 'c'}):
                t.does(os.rename, 'd/a', 'b')
            t.lists('d', [])
            t.lists('.', ['b', 'd'])
            t.is_as('b', kind=old, ino=number, uid=OWNER.uid, nlink=2 if old == 'directory' else 1)


for kind in FILE_KINDS:

    @suite.case(
        f'onto one of two names of a {kind}',
        {'a': of_kind(kind), 'b': of_kind(kind), 'other': hard_link('b')},
    )
    def _(t, kind=kind):
        # Looked at before, so that a client knows which object the name stands for when it is replaced.
        t.is_as('b', nlink=2, ino=os.lstat('other').st_ino)
        with t.moves({'other': 'c', '.': 'mc'}):
            t.does(os.rename, 'a', 'b')
        t.is_as('other', nlink=1, kind=kind)
        t.is_as('b', nlink=1, kind=kind)
        t.true(os.lstat('b').st_ino != os.lstat('other').st_ino, 'two objects now')

    @suite.case(
        f'onto another name of the same {kind}',
        {'a': of_kind(kind), 'b': hard_link('a'), 'd': directory({'c': hard_link('a')})},
    )
    def _(t, kind=kind):
        with t.still('.', 'a', 'd'):
            t.does(os.rename, 'a', 'b')
            t.does(os.rename, 'd/c', 'b')
            t.does(os.rename, 'a', 'a')
        t.lists('.', ['a', 'b', 'd'])
        t.lists('d', ['c'])
        t.is_as('a', nlink=3, kind=kind)

    @suite.case(f'one of two names of a {kind}', {'a': of_kind(kind), 'b': hard_link('a'), 'd': directory()})
    def _(t, kind=kind):
        number = os.lstat('a').st_ino
        t.does(os.rename, 'a', 'd/c')
        t.is_as('d/c', nlink=2, ino=number)
        t.is_as('b', nlink=2, ino=number)
        t.does(os.rename, 'b', 'a')
        t.is_as('a', nlink=2, ino=number, kind=kind)


@suite.case('content goes along', {'a': file(b'a' * 5000), 'b': file(b'b' * 7000), 'd': directory()})
def _(t):
    t.does(os.rename, 'a', 'd/x')
    t.holds('d/x', b'a' * 5000)
    with open('d/x', 'r+b') as stream:
        stream.write(b'changed')
    t.does(os.rename, 'd/x', 'a')
    t.holds('a', b'changed' + b'a' * 4993)
    t.does(os.rename, 'a', 'b')
    t.holds('b', b'changed' + b'a' * 4993)
    t.is_as('b', size=5000)


@suite.case(
    'three names change places', {'a': file(b'A'), 'b': file(b'B'), 'c': directory({'x': file(b'X')})}
)
def _(t):
    for source, target in (('a', 'hold'), ('b', 'a'), ('c', 'b'), ('hold', 'c')):
        t.does(os.rename, source, target)
    t.holds('a', b'B')
    t.holds('b/x', b'X')
    t.holds('c', b'A')
    t.lists('.', ['a', 'b', 'c'])


@suite.case('the old name is free again', {'a': file(b'old'), 'd': directory({'x': file(b'x')})})
def _(t):
    t.does(os.rename, 'a', 'b')
    t.does(os.rename, 'd', 'e')
    t.gone('d/x')
    os.mkdir('d')
    t.lists('d', [])
    with open('a', 'wb') as stream:
        stream.write(b'new')
    t.holds('a', b'new')
    t.holds('b', b'old')
    t.holds('e/x', b'x')
    t.does(os.rename, 'a', 'b')
    t.holds('b', b'new')
    t.lists('.', ['b', 'd', 'e'])


@suite.case('over a file that is open', {'a': file(b'new'), 'b': file(b'replaced'), 'c': file(b'moved')})
def _(t):
    replaced = os.open('b', os.O_RDWR)
    moved = os.open('c', os.O_RDWR)
    t.does(os.rename, 'a', 'b')
    t.does(os.rename, 'c', 'd')
    t.equal(os.pread(replaced, 100, 0), b'replaced', 'content of the replaced file')
    t.equal(os.fstat(replaced).st_nlink, 0, 'links of the replaced file')
    os.pwrite(moved, b'M', 0)
    os.close(replaced)
    os.close(moved)
    t.holds('b', b'new')
    t.holds('d', b'Moved')
    t.lists('.', ['b', 'd'])


@suite.case(
    'a symbolic link and not what it leads to',
    {
        'f': file(b'f'),
        'g': file(b'g'),
        's': symlink('f'),
        'to_d': symlink('d'),
        'd': directory({'x': file()}),
    },
)
def _(t):
    t.does(os.rename, 's', 's2')
    t.equal(os.readlink('s2'), 'f', 'target of the renamed link')
    t.does(os.rename, 'g', 's2')
    t.is_as('s2', kind='file')
    t.holds('f', b'f')
    t.does(os.rename, 'to_d', 'd/inner')
    t.equal(os.readlink('d/inner'), 'd', 'target of the renamed link')
    t.fails(errno.ENOTDIR, os.rename, 'd', 's2')


@suite.case('odd names', {b'%d' % number: file(name) for number, name in enumerate(ODD_NAMES)})
def _(t):
    for number, name in enumerate(ODD_NAMES):
        t.does(os.rename, b'%d' % number, name)
        t.holds(name, name)
    t.lists('.', ODD_NAMES)
    t.fails(errno.ENAMETOOLONG, os.rename, ODD_NAMES[0], 'x' * 256)
    t.fails(errno.ENAMETOOLONG, os.rename, 'x' * 256, 'y')
    for number, name in enumerate(ODD_NAMES):
        t.does(os.rename, name, b'%d' % number)
    t.lists('.', [b'%d' % number for number in range(len(ODD_NAMES))])


@suite.case('odd names replaced', {name: file(b'old') for name in ODD_NAMES})
def _(t):
    for name in ODD_NAMES:
        with open('new', 'wb') as stream:
            stream.write(b'new')
        t.does(os.rename, 'new', name)
        t.holds(name, b'new')
    t.lists('.', ODD_NAMES)


@suite.case('what is not there', {'a': file(), 'd': directory()})
def _(t):
    with t.still('.', 'a', 'd'):
        t.fails(errno.ENOENT, os.rename, 'gone', 'b')
        t.fails(errno.ENOENT, os.rename, 'gone', 'a')
        t.fails(errno.ENOENT, os.rename, 'a', 'gone/b')
        t.fails(errno.ENOENT, os.rename, 'd', 'gone/b')
        t.fails(errno.ENOENT, os.rename, 'a', '')
        t.fails(errno.ENOENT, os.rename, '', 'a')
        t.fails(errno.ENOTDIR, os.rename, 'a', 'b/')
        t.fails(errno.ENOTDIR, os.rename, 'a/', 'b')
        t.fails(errno.ENOTDIR, os.rename, 'd', 'a/b')
    t.lists('.', ['a', 'd'])


@suite.case('to another file system', {'a': file(), 'd': directory()})
def _(t):
    with t.still('.', 'a', 'd'):
        t.fails(errno.EXDEV, os.rename, 'a', '/proc/self/new')
        t.fails(errno.EXDEV, os.rename, '/proc/self/stat', 'new')
        t.fails(errno.EXDEV, os.rename, 'd', '/proc/self/new')


@suite.case('a new file over a prepared one, many times', {'target': file(b'0' * 10000)})
def _(t):
    for turn in range(20):
        with open('new', 'wb') as stream:
            stream.write(b'%d' % turn)
        t.does(os.rename, 'new', 'target')
        t.holds('target', b'%d' % turn)
    t.lists('.', ['target'])
