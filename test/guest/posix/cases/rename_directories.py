"""rename(2) of directories, and who may rename"""

import errno
import os

from harness.catalogue import Suite
from harness.objects import ALL_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import MEMBER, OWNER, PEER, STRANGER

suite = Suite('rename_directories')

NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
NOT_YOURS = (errno.EPERM, errno.EACCES)


def tree():
    return directory(
        {
            'f': file(b'file'),
            's': symlink('f'),
            'sub': directory({'g': file(b'deep' * 2000), 'empty': directory()}),
            'h': file(b'hard'),
        }
    )


def check_tree(t, path, parent='.'):
    t.lists(path, ['f', 'h', 's', 'sub'])
    t.lists(f'{path}/sub', ['empty', 'g'])
    t.holds(f'{path}/f', b'file')
    t.holds(f'{path}/s', b'file')
    t.holds(f'{path}/sub/g', b'deep' * 2000)
    t.is_as(path, kind='directory', nlink=3)
    t.equal(os.stat(f'{path}/..').st_ino, os.stat(parent).st_ino, f'{path}/.. is {parent}')
    t.equal(os.stat(f'{path}/sub/..').st_ino, os.stat(path).st_ino, f'{path}/sub/.. is {path}')


@suite.case('with content, in its directory', {'a': tree()})
def _(t):
    number = os.stat('a').st_ino
    deep = os.stat('a/sub/g').st_ino
    with t.moves({'.': 'mc', ('a/sub', 'b/sub'): '', ('a/f', 'b/f'): ''}):
        t.does(os.rename, 'a', 'b')
    t.gone('a', 'a/f', 'a/sub/g')
    check_tree(t, 'b')
    t.is_as('b', ino=number)
    t.is_as('b/sub/g', ino=deep)
    t.is_as('.', nlink=3)


@suite.case(
    'with content, to another directory', {'a': tree(), 'from': directory({'d': tree()}), 'to': directory()}
)
def _(t):
    t.is_as('from', nlink=3)
    with t.moves({'from': 'mc', 'to': 'mc', '.': '', ('from/d/f', 'to/e/f'): ''}):
        t.does(os.rename, 'from/d', 'to/e')
    check_tree(t, 'to/e', 'to')
    t.is_as('from', nlink=2)
    t.is_as('to', nlink=3)
    t.does(os.rename, 'a', 'to/e/sub/empty/a')
    check_tree(t, 'to/e/sub/empty/a', 'to/e/sub/empty')
    t.is_as('to/e/sub/empty', nlink=3)
    t.does(os.rename, 'to/e/sub/empty/a', 'a')
    check_tree(t, 'a')


@suite.case('life goes on inside', {'a': tree(), 'to': directory()})
def _(t):
    t.does(os.rename, 'a', 'to/b')
    t.does(os.unlink, 'to/b/f')
    t.does(os.rename, 'to/b/sub/g', 'to/b/f')
    t.does(os.mkdir, 'to/b/new')
    t.does(os.rmdir, 'to/b/sub/empty')
    t.lists('to/b', ['f', 'h', 'new', 's', 'sub'])
    t.holds('to/b/s', b'deep' * 2000)
    t.does(os.rename, 'to/b', 'c')
    t.lists('c', ['f', 'h', 'new', 's', 'sub'])
    t.lists('c/sub', [])
    t.does(os.rmdir, 'c/sub')
    t.is_as('c', nlink=3)


@suite.case(
    'a directory moved twice, its parent in between',
    {'p': directory({'q': directory({'r': tree()})}), 'x': directory()},
)
def _(t):
    t.does(os.rename, 'p/q/r', 'x/r')
    t.does(os.rename, 'p', 'x/p')
    t.does(os.rename, 'x/r', 'x/p/q/r')
    check_tree(t, 'x/p/q/r', 'x/p/q')
    t.does(os.rename, 'x/p', 'p')
    check_tree(t, 'p/q/r', 'p/q')
    t.lists('x', [])
    t.does(os.rmdir, 'x')


@suite.case('onto an empty directory', {'a': tree(), 'b': directory(mode=0o700, owner=OWNER)})
def _(t):
    number = os.stat('a').st_ino
    with t.moves({'.': 'mc'}):
        t.does(os.rename, 'a', 'b')
    check_tree(t, 'b')
    t.is_as('b', ino=number, mode=0o755, uid=0)
    t.is_as('.', nlink=3)


for kind in ALL_KINDS:

    @suite.case(f'onto a directory with a {kind} inside', {'a': tree(), 'b': directory({'o': of_kind(kind)})})
    def _(t, kind=kind):
        with t.still('.', 'a', 'b'):
            t.fails(NOT_EMPTY, os.rename, 'a', 'b')
        t.lists('b', ['o'])
        t.does(os.rmdir if kind == 'directory' else os.unlink, 'b/o')
        t.does(os.rename, 'a', 'b')
        check_tree(t, 'b')
        t.gone('b/o', 'a')


@suite.case('into itself', {'a': tree(), 'x': directory()})
def _(t):
    with t.still('.', 'a', 'a/sub'):
        for target in ('a/b', 'a/sub/b', 'a/sub/empty', 'a/sub/empty/b', 'a/../a/c'):
            t.fails(errno.EINVAL, os.rename, 'a', target)
    t.does(os.rename, 'a', 'x/a')
    t.fails(errno.EINVAL, os.rename, 'x', 'x/a/sub/new')
    check_tree(t, 'x/a', 'x')


@suite.case('onto what it is in', {'a': tree()})
def _(t):
    with t.still('.', 'a', 'a/sub'):
        t.fails(NOT_EMPTY, os.rename, 'a/sub', 'a')
        t.fails(NOT_EMPTY, os.rename, 'a/sub/empty', 'a')
        t.fails((errno.EISDIR, errno.ENOTEMPTY), os.rename, 'a/f', 'a')
    check_tree(t, 'a')


@suite.case('dot and dot-dot', {'a': tree(), 'b': directory()})
def _(t):
    refused = (errno.EBUSY, errno.EINVAL)
    with t.still('.', 'a', 'b'):
        t.fails(refused, os.rename, 'a/.', 'c')
        t.fails(refused, os.rename, 'a/..', 'c')
        t.fails(refused, os.rename, 'a', 'b/.')
        t.fails((*refused, errno.ENOTEMPTY), os.rename, 'a', 'b/..')
        t.fails(refused, os.rename, '.', 'c')
    t.does(os.rename, 'a', 'a')
    t.does(os.rename, 'a/', 'c/')
    check_tree(t, 'c')


@suite.case("a directory that is somebody's place", {'a': tree(), 'to': directory()})
def _(t):
    os.chdir('a/sub')
    t.does(os.rename, '../../a', '../../to/b')
    t.lists('.', ['empty', 'g'])
    t.lists('..', ['f', 'h', 's', 'sub'])
    t.lists('../..', ['b'])
    t.lists('../../..', ['to'])
    os.mkdir('made_here')
    t.is_as('../../../to/b/sub/made_here', kind='directory')


@suite.case('hard links into a moved directory', {'a': tree(), 'outside': hard_link('a/h')})
def _(t):
    t.does(os.rename, 'a', 'b')
    t.is_as('b/h', nlink=2, ino=os.stat('outside').st_ino)
    with open('b/h', 'ab') as stream:
        stream.write(b'!')
    t.holds('outside', b'hard!')
    t.does(os.rename, 'outside', 'b/sub/h2')
    t.is_as('b/h', nlink=2)
    t.holds('b/sub/h2', b'hard!')


@suite.case(
    'a large directory', {'a': directory({f'n{number:03d}': file(b'%d' % number) for number in range(200)})}
)
def _(t):
    t.does(os.rename, 'a', 'b')
    t.lists('b', [f'n{number:03d}' for number in range(200)])
    for number in range(0, 200, 3):
        os.rename(f'b/n{number:03d}', f'b/moved{number}')
    t.lists('b', [f'n{n:03d}' if n % 3 else f'moved{n}' for n in range(200)])
    t.holds('b/moved198', b'198')
    t.holds('b/n199', b'199')


@suite.case(
    'rights in both directories',
    {
        'free': directory({'f': file(owner=OWNER), 'g': file(owner=OWNER)}, mode=0o777),
        'read': directory({'f': file(owner=OWNER), 'd': directory(owner=OWNER)}, mode=0o555, owner=OWNER),
        'noexec': directory({'f': file(owner=OWNER)}, mode=0o666, owner=OWNER),
    },
)
def _(t):
    for person in (OWNER, MEMBER, STRANGER):
        with t.still('free', 'read', 'noexec', 'free/f', 'read/f'):
            t.fails(errno.EACCES, os.rename, 'free/f', 'read/new', who=person)
            t.fails(errno.EACCES, os.rename, 'read/f', 'free/new', who=person)
            t.fails(errno.EACCES, os.rename, 'read/f', 'read/new', who=person)
            t.fails(errno.EACCES, os.rename, 'noexec/f', 'free/new', who=person)
            t.fails(errno.EACCES, os.rename, 'free/f', 'noexec/new', who=person)
            t.fails(errno.EACCES, os.rename, 'free/f', 'read/f', who=person)
    t.does(os.rename, 'free/f', 'free/new', who=STRANGER)


@suite.case(
    'a directory that changes its parent must be writable',
    {
        'from': directory(
            {
                'closed': directory(mode=0o555, owner=OWNER),
                'open': directory({'x': file()}, mode=0o755, owner=OWNER),
                'foreign': directory(mode=0o755, owner=STRANGER),
            },
            mode=0o777,
        ),
        'to': directory(mode=0o777),
    },
)
def _(t):
    with t.still('from', 'to', 'from/closed'):
        t.fails(errno.EACCES, os.rename, 'from/closed', 'to/closed', who=OWNER)
        t.fails(errno.EACCES, os.rename, 'from/foreign', 'to/foreign', who=OWNER)
    t.does(os.rename, 'from/closed', 'from/closed2', who=OWNER)
    t.does(os.rename, 'from/foreign', 'from/foreign2', who=OWNER)
    t.does(os.rename, 'from/open', 'to/open', who=OWNER)
    t.lists('to/open', ['x'])
    t.does(os.rename, 'from/closed2', 'to/closed')


for kind in ALL_KINDS:

    @suite.case(
        f'sticky source and a {kind}',
        {
            'ours': directory({'o': of_kind(kind, STRANGER, 0o777)}, mode=0o1777, owner=OWNER),
            'theirs': directory({'o': of_kind(kind, OWNER)}, mode=0o1777, owner=STRANGER),
            'nobodys': directory({'o': of_kind(kind, STRANGER, 0o777)}, mode=0o1777, owner=STRANGER),
            'free': directory(mode=0o777),
        },
    )
    def _(t, kind=kind):
        for person in (OWNER, PEER):
            with t.still('nobodys', 'nobodys/o', 'free'):
                t.fails(NOT_YOURS, os.rename, 'nobodys/o', 'free/n', who=person)
                t.fails(NOT_YOURS, os.rename, 'nobodys/o', 'nobodys/n', who=person)
        t.does(os.rename, 'ours/o', 'free/a', who=OWNER)
        t.does(os.rename, 'theirs/o', 'free/b', who=OWNER)
        t.does(os.rename, 'nobodys/o', 'free/c')
        t.lists('free', ['a', 'b', 'c'])
        t.is_as('free/a', kind=kind)

    @suite.case(
        f'sticky target and a {kind} to replace',
        {
            'ours': directory({'o': of_kind(kind, STRANGER)}, mode=0o1777, owner=OWNER),
            'theirs': directory({'o': of_kind(kind, OWNER)}, mode=0o1777, owner=STRANGER),
            'nobodys': directory({'o': of_kind(kind, STRANGER)}, mode=0o1777, owner=STRANGER),
            'free': directory({name: of_kind(kind, OWNER) for name in ('a', 'b', 'c')}, mode=0o777),
        },
    )
    def _(t, kind=kind):
        with t.still('nobodys', 'nobodys/o', 'free', 'free/c'):
            t.fails(NOT_YOURS, os.rename, 'free/c', 'nobodys/o', who=OWNER)
        t.does(os.rename, 'free/a', 'ours/o', who=OWNER)
        t.does(os.rename, 'free/b', 'theirs/o', who=OWNER)
        t.does(os.rename, 'free/c', 'nobodys/new', who=OWNER)
        t.lists('free', [])
        t.is_as('ours/o', kind=kind, uid=OWNER.uid)
