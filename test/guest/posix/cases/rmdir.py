"""rmdir(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import ODD_NAMES
from harness.objects import ALL_KINDS, FILE_KINDS, directory, file, of_kind, symlink
from harness.people import MEMBER, OWNER, PEER, STRANGER
from harness.syscalls import mount_bind, own_mount_namespace, unmount

suite = Suite('rmdir')

NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)


@suite.case('removes an empty directory', {'d': directory({'e': directory(), 'f': directory()})})
def _(t):
    t.is_as('d', nlink=4)
    with t.moves({'d': 'mc', '.': ''}):
        t.does(os.rmdir, 'd/e')
    t.gone('d/e')
    t.is_as('d', nlink=3)
    t.lists('d', ['f'])
    t.fails(errno.ENOENT, os.rmdir, 'd/e')
    t.does(os.rmdir, 'd/f')
    t.is_as('d', nlink=2)
    with t.moves({'.': 'mc'}):
        t.does(os.rmdir, 'd')
    t.lists('.', [])


for kind in ALL_KINDS:

    @suite.case(f'not when a {kind} is inside', {'d': directory({'inside': of_kind(kind)})})
    def _(t, kind=kind):
        with t.still('.', 'd'):
            t.fails(NOT_EMPTY, os.rmdir, 'd')
        t.lists('d', ['inside'])
        t.does(os.rmdir if kind == 'directory' else os.unlink, 'd/inside')
        t.does(os.rmdir, 'd')
        t.gone('d', 'd/inside')


@suite.case('not when something was made inside', {'d': directory()})
def _(t):
    os.mkfifo('d/new')
    t.fails(NOT_EMPTY, os.rmdir, 'd')
    os.unlink('d/new')
    t.does(os.rmdir, 'd')


@suite.case(
    'after the content was moved out', {'d': directory({'f': file(b'x'), 'e': directory({'g': file(b'y')})})}
)
def _(t):
    t.does(os.rename, 'd/f', 'f')
    t.fails(NOT_EMPTY, os.rmdir, 'd')
    t.does(os.rename, 'd/e', 'e')
    t.does(os.rmdir, 'd')
    t.lists('.', ['e', 'f'])
    t.holds('e/g', b'y')
    t.does(os.mkdir, 'd')
    t.lists('d', [])


for kind in FILE_KINDS:

    @suite.case(f'never a {kind}', {'f': of_kind(kind)})
    def _(t, kind=kind):
        with t.still('.', 'f'):
            t.fails(errno.ENOTDIR, os.rmdir, 'f')
        t.is_as('f', kind=kind)


@suite.case(
    'special names', {'d': directory({'e': directory()}), 'empty': directory(), 'to_empty': symlink('empty')}
)
def _(t):
    with t.still('.', 'd', 'd/e', 'empty'):
        t.fails(errno.EINVAL, os.rmdir, '.')
        t.fails(errno.EINVAL, os.rmdir, 'd/.')
        t.fails(errno.EINVAL, os.rmdir, 'd/e/.')
        t.fails(NOT_EMPTY, os.rmdir, '..')
        t.fails(NOT_EMPTY, os.rmdir, 'd/e/..')
        t.fails(errno.ENOTDIR, os.rmdir, 'to_empty')
        t.fails(errno.ENOTDIR, os.rmdir, 'to_empty/')
        t.fails(errno.ENOENT, os.rmdir, '')
        t.fails(errno.EBUSY, os.rmdir, '/')
    t.does(os.rmdir, 'd/e/')
    t.does(os.rmdir, 'empty//')


@suite.case('odd names', {name: directory() for name in ODD_NAMES})
def _(t):
    for name in ODD_NAMES:
        t.does(os.rmdir, name)
        t.gone(name)
    t.lists('.', [])


@suite.case(
    'no right to write or to search the parent',
    {
        'read': directory({'e': directory(owner=OWNER)}, mode=0o555, owner=OWNER),
        'noexec': directory({'e': directory(owner=OWNER)}, mode=0o666, owner=OWNER),
    },
)
def _(t):
    for person in (OWNER, PEER, STRANGER):
        with t.still('read', 'read/e', 'noexec'):
            t.fails(errno.EACCES, os.rmdir, 'read/e', who=person)
            t.fails(errno.EACCES, os.rmdir, 'noexec/e', who=person)
    t.does(os.rmdir, 'read/e')
    t.does(os.rmdir, 'noexec/e')


@suite.case('the mode of the directory does not matter', {'.': directory(mode=0o777), 'd': directory(mode=0)})
def _(t):
    t.does(os.rmdir, 'd', who=STRANGER)


@suite.case(
    'sticky parent',
    {
        'ours': directory({'e': directory(owner=STRANGER)}, mode=0o1777, owner=OWNER),
        'theirs': directory({'e': directory(owner=OWNER)}, mode=0o1777, owner=STRANGER),
        'nobodys': directory({'e': directory(owner=STRANGER, mode=0o777)}, mode=0o1777, owner=STRANGER),
        'plain': directory({'e': directory(owner=STRANGER)}, mode=0o777, owner=STRANGER),
    },
)
def _(t):
    for person in (OWNER, MEMBER):
        with t.still('nobodys', 'nobodys/e'):
            t.fails((errno.EPERM, errno.EACCES), os.rmdir, 'nobodys/e', who=person)
    for place in ('ours', 'theirs', 'plain'):
        t.does(os.rmdir, f'{place}/e', who=OWNER)
        t.lists(place, [])
    t.does(os.rmdir, 'nobodys/e')


@suite.case('a directory that somebody stands in', {'d': directory({'e': directory()})})
def _(t):
    os.chdir('d/e')
    t.does(os.rmdir, '../../d/e')
    t.equal(t.does(os.listdir, '.'), [], 'what is listed')
    t.fails(errno.ENOENT, os.open, 'new', os.O_CREAT | os.O_WRONLY, 0o600)
    t.fails(errno.ENOENT, os.mkdir, 'new')


@suite.case('a directory that is open', {'d': directory({'e': directory()})})
def _(t):
    descriptor = os.open('d/e', os.O_RDONLY | os.O_DIRECTORY)
    t.does(os.rmdir, 'd/e')
    t.is_as('d', nlink=2)
    t.fails(errno.ENOENT, os.mkdir, 'new', dir_fd=descriptor)
    os.close(descriptor)


def in_child(body):
    """Runs the body in a process of its own (its mounts go with it); gives its exit code."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(body())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def number_of(call, *arguments):
    try:
        call(*arguments)
    except OSError as fault:
        return fault.errno
    return 0


@suite.case(
    'a mount point is busy',
    {
        'point': directory(),
        'other': directory({'f': file()}),
        'into': directory(),
        'file_point': file(),
        'source': file(),
    },
)
def _(t):
    def with_mount(call, *arguments):
        def body():
            own_mount_namespace()
            mount_bind('other', 'point')
            mount_bind('source', 'file_point')
            number = number_of(call, *arguments)
            unmount('point')
            unmount('file_point')
            return number

        return in_child(body)

    t.equal(with_mount(os.rmdir, 'point'), errno.EBUSY, 'rmdir of a mount point')
    t.equal(with_mount(os.rename, 'point', 'elsewhere'), errno.EBUSY, 'rename of a mount point')
    t.equal(with_mount(os.rename, 'into', 'point'), errno.EBUSY, 'rename onto a mount point')
    t.equal(with_mount(os.unlink, 'file_point'), errno.EBUSY, 'unlink of a mount point')
    t.equal(with_mount(os.rename, 'source', 'file_point'), errno.EBUSY, 'rename onto a mounted file')
    t.equal(with_mount(os.rename, 'other/f', 'point/g'), errno.EXDEV, 'rename across a mount')
    t.equal(with_mount(os.link, 'other/f', 'point/g'), errno.EXDEV, 'link across a mount')
    t.does(os.rmdir, 'point')
    t.lists('.', ['file_point', 'into', 'other', 'source'])
