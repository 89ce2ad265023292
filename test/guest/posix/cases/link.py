"""link(2) and linkat(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import ODD_NAMES
from harness.objects import ALL_KINDS, FILE_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import MEMBER, OWNER, PEER, STRANGER
from harness.syscalls import AT_SYMLINK_FOLLOW, linkat

suite = Suite('link')


def link(source, target):
    """Never follows, as link(2) on Linux."""
    linkat(source, target, 0)


for kind in FILE_KINDS:

    @suite.case(f'another name of a {kind}', {'one': of_kind(kind, OWNER), 'd': directory()})
    def _(t, kind=kind):
        number = t.is_as('one', nlink=1).st_ino
        with t.moves({'.': 'mc', 'one': 'c', 'd': ''}):
            t.does(link, 'one', 'two')
        with t.moves({'.': '', 'one': 'c', 'd': 'mc'}):
            t.does(link, 'two', 'd/three')
        for name in ('one', 'two', 'd/three'):
            t.is_as(name, kind=kind, nlink=3, ino=number, uid=OWNER.uid, gid=OWNER.gid)
        if kind != 'symlink':
            os.chmod('two', 0o751)
        os.chown('d/three', STRANGER.uid, STRANGER.gid, follow_symlinks=False)
        t.is_as('one', uid=STRANGER.uid, mode=0o777 if kind == 'symlink' else 0o751)
        t.does(os.unlink, 'one')
        t.is_as('d/three', nlink=2)
        t.does(os.unlink, 'two')
        t.is_as('d/three', kind=kind, nlink=1, ino=number)
        t.does(os.unlink, 'd/three')
        t.fails(errno.ENOENT, link, 'one', 'four')


@suite.case(
    'names share content, both ways',
    {
        'one': file(b'a' * 9000),
        'd': directory({'two': hard_link('one')}),
        'three': hard_link('one'),
    },
)
def _(t):
    t.does(link, 'd/two', 'four')
    for name in ('one', 'd/two', 'three', 'four'):
        t.is_as(name, nlink=4, size=9000)
    with open('d/two', 'r+b') as stream:
        stream.seek(4090)
        stream.write(b'B' * 12)
    content = b'a' * 4090 + b'B' * 12 + b'a' * 4898
    for name in ('one', 'd/two', 'three', 'four'):
        t.holds(name, content)
    os.truncate('four', 4095)
    for name in ('one', 'd/two', 'three'):
        t.holds(name, content[:4095])
    t.does(os.unlink, 'one')
    t.does(os.rename, 'three', 'd/five')
    with open('d/five', 'ab') as stream:
        stream.write(b'end')
    t.holds('d/two', content[:4095] + b'end')
    t.is_as('d/two', nlink=3)


for kind in ALL_KINDS:

    @suite.case(f'onto a {kind}', {'one': file(), 'there': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        with t.still('.', 'one', 'there'):
            t.fails(errno.EEXIST, link, 'one', 'there')
        t.is_as('one', nlink=1)
        t.is_as('there', kind=kind)


@suite.case('onto itself and onto another name of itself', {'one': file(), 'two': hard_link('one')})
def _(t):
    with t.still('.', 'one'):
        t.fails(errno.EEXIST, link, 'one', 'one')
        t.fails(errno.EEXIST, link, 'one', 'two')
    t.is_as('one', nlink=2)


@suite.case(
    'where a name was removed', {'one': file(b'1'), 'name': file(b'2'), 'd': directory({'name': directory()})}
)
def _(t):
    t.does(os.unlink, 'name')
    t.does(link, 'one', 'name')
    t.holds('name', b'1')
    t.does(os.rmdir, 'd/name')
    t.does(link, 'one', 'd/name')
    t.holds('d/name', b'1')
    t.is_as('one', nlink=3)


@suite.case('never a directory', {'d': directory()})
def _(t):
    with t.still('.', 'd'):
        t.fails(errno.EPERM, link, 'd', 'other')
        t.fails(errno.EPERM, link, '.', 'other')
    t.is_as('d', nlink=2)
    t.lists('.', ['d'])


@suite.case(
    'a symbolic link itself, or what it leads to',
    {'f': file(b'x'), 's': symlink('f'), 'broken': symlink('no')},
)
def _(t):
    t.does(linkat, 's', 'same', 0)
    t.is_as('same', kind='symlink', nlink=2)
    t.does(linkat, 's', 'followed', AT_SYMLINK_FOLLOW)
    t.is_as('followed', kind='file', nlink=2)
    t.does(linkat, 'broken', 'broken2', 0)
    t.fails(errno.ENOENT, linkat, 'broken', 'x', AT_SYMLINK_FOLLOW)


@suite.case('odd names', {'f': file(b'x')})
def _(t):
    for name in ODD_NAMES:
        t.does(link, 'f', name)
    t.is_as('f', nlink=len(ODD_NAMES) + 1)
    t.lists('.', [b'f', *ODD_NAMES])
    t.fails(errno.ENAMETOOLONG, link, 'f', 'x' * 256)


@suite.case('many names', {'f': file(b'x'), 'd': directory()})
def _(t):
    for number in range(300):
        link('f', f'd/{number}')
    t.is_as('f', nlink=301)
    t.is_as('d/299', nlink=301)
    for number in range(0, 300, 2):
        os.unlink(f'd/{number}')
    t.is_as('f', nlink=151)


@suite.case(
    'rights',
    {
        'f': file(mode=0o666, owner=OWNER),
        'free': directory(mode=0o777),
        'read': directory(mode=0o555, owner=OWNER),
        'closed': directory({'g': file(mode=0o666)}, mode=0o660, owner=OWNER),
    },
)
def _(t):
    t.does(link, 'f', 'free/by_owner', who=OWNER)
    t.does(link, 'f', 'free/by_stranger', who=STRANGER)
    t.is_as('free/by_stranger', uid=OWNER.uid, nlink=3)
    for person in (OWNER, PEER, MEMBER, STRANGER):
        with t.still('f', 'read', 'closed'):
            t.fails(errno.EACCES, link, 'f', 'read/new', who=person)
            t.fails(errno.EACCES, link, 'f', 'closed/new', who=person)
            t.fails(errno.EACCES, link, 'closed/g', 'free/new', who=person)
    t.does(link, 'closed/g', 'read/g')


@suite.case('to another file system', {'f': file()})
def _(t):
    elsewhere = f'/proc/self/rowfs-{os.getpid()}'
    t.fails((errno.EXDEV, errno.EPERM, errno.ENOENT, errno.EACCES), link, 'f', elsewhere)
    t.fails((errno.EXDEV, errno.EPERM), link, '/proc/self/stat', 'new')
    t.is_as('f', nlink=1)


@suite.case('across directories of two ages', {'old': directory({'f': file(b'o')})})
def _(t):
    os.mkdir('new')
    with open('new/g', 'wb') as stream:
        stream.write(b'n')
    t.does(link, 'old/f', 'new/f')
    t.does(link, 'new/g', 'old/g')
    t.does(os.unlink, 'old/f')
    t.does(os.unlink, 'new/g')
    t.holds('new/f', b'o')
    t.holds('old/g', b'n')
    t.is_as('new/f', nlink=1)
    t.is_as('old/g', nlink=1)


@suite.case('a name of a file that is open and has no name left', {'f': file(b'x')})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    t.does(link, 'f', 'g')
    t.does(os.unlink, 'f')
    t.equal(os.fstat(descriptor).st_nlink, 1, 'links of the open file')
    os.pwrite(descriptor, b'y', 0)
    os.close(descriptor)
    t.holds('g', b'y')
