"""What every call that takes a path says about paths that lead nowhere"""

import ctypes
import errno
import os
import stat

from harness import syscalls
from harness.catalogue import Suite
from harness.objects import char, directory, fifo, file, sock, symlink
from harness.people import CROWDED, OWNER, STRANGER
from harness.syscalls import AT_EACCESS, AT_FDCWD, BAD_ADDRESS, LIBC, answer

suite = Suite('path_resolution')

PATH_MAX = 4096


def open_(flags, mode=0o600):
    return lambda path: os.close(os.open(path, flags, mode))


def named(name, call):
    """The call under the name that the report shall show."""

    def function(path):
        return call(path)

    function.__name__ = name
    return function


#: Calls whose last component must be there, and be a file. Those marked True follow a link at the end.
ON_FILES = {
    'stat': (os.stat, True),
    'lstat': (os.lstat, False),
    'access': (lambda path: answer(LIBC.faccessat(AT_FDCWD, os.fsencode(path), os.F_OK, AT_EACCESS)), True),
    'chmod': (lambda path: os.chmod(path, 0o644), True),
    'chown': (lambda path: os.chown(path, 0, 0), True),
    'lchown': (lambda path: os.lchown(path, 0, 0), False),
    'truncate': (lambda path: os.truncate(path, 3), True),
    'utimensat': (lambda path: syscalls.utimensat(path, (1, 0), (2, 0)), True),
    'utimensat_nofollow': (lambda path: syscalls.utimensat(path, (1, 0), (2, 0), follow=False), False),
    'open_read': (open_(os.O_RDONLY), True),
    'open_write': (open_(os.O_WRONLY), True),
    'open_create': (open_(os.O_WRONLY | os.O_CREAT), True),
    'statvfs': (os.statvfs, True),
    'rename_from': (lambda path: (os.rename(path, path), None), False),
    'link_from': (lambda path: (syscalls.linkat(path, 'linked', 0), os.unlink('linked')), False),
    'unlink': (os.unlink, False),
}
ON_DIRECTORIES = {
    'listdir': os.listdir,
    'chdir': os.chdir,
    'rmdir': os.rmdir,
}
#: Calls that make the last component.
MAKING = {
    'mkdir': os.mkdir,
    'mkfifo': os.mkfifo,
    'mknod': lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    'symlink': lambda path: os.symlink('x', path),
    'open_exclusive': open_(os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    'link_to': lambda path: os.link('source', path),
    'rename_to': lambda path: os.rename('source', path),
}
ALL_CALLS = {
    **{name: call for name, (call, _follows) in ON_FILES.items()},
    **ON_DIRECTORIES,
    **MAKING,
}


def landscape():
    return {
        'source': file(mode=0o666),
        'f': file(b'abc'),
        'p': fifo(),
        's': sock(),
        'c': char(),
        'to_f': symlink('f'),
        'd': directory({'f': file(b'abc')}),
        'dangling': symlink('gone'),
        'loop1': symlink('loop2'),
        'loop2': symlink('loop1'),
        'self': symlink('self/x'),
        'closed': directory({'f': file(mode=0o666), 'd': directory(mode=0o777)}, mode=0o600, owner=OWNER),
        'above': directory(
            {'middle': directory({'f': file(mode=0o666)}, mode=0o777)}, mode=0o666, owner=OWNER
        ),
        'n' * 255: directory({'f': file(b'abc'), 'd': directory()}),
    }


#: path -> what every call says about it.
BAD_PATHS = {
    'f/x': errno.ENOTDIR,
    'p/x': errno.ENOTDIR,
    's/x': errno.ENOTDIR,
    'c/x': errno.ENOTDIR,
    'to_f/x': errno.ENOTDIR,
    'f/x/y': errno.ENOTDIR,
    'd/f/x': errno.ENOTDIR,
    'f/../d/x': errno.ENOTDIR,
    'gone/x': errno.ENOENT,
    'd/gone/x': errno.ENOENT,
    'gone/../x': errno.ENOENT,
    'dangling/x': errno.ENOENT,
    '': errno.ENOENT,
    'loop1/x': errno.ELOOP,
    'self': errno.ELOOP,
    'self/x': errno.ELOOP,
    'x' * 256: errno.ENAMETOOLONG,
    'x' * 256 + '/x': errno.ENAMETOOLONG,
    'd/' + 'x' * 1000: errno.ENAMETOOLONG,
    'd/' + 'é' * 128: errno.ENAMETOOLONG,
    './' * 2047 + 'xx': errno.ENAMETOOLONG,
}

for name, call in ALL_CALLS.items():

    @suite.case(f'{name} of paths that lead nowhere', landscape())
    def _(t, name=name, call=named(name, call)):
        home = os.getcwd()
        follows = ON_FILES.get(name, (None, name in ('listdir', 'chdir')))[1]
        for path, code in BAD_PATHS.items():
            if path == 'self' and not follows:
                continue
            t.fails(code, call, path)
            os.chdir(home)
        for person in (OWNER, STRANGER, CROWDED):
            for path in ('closed/f', 'closed/gone', 'closed/d/f', 'above/middle/f'):
                t.fails(errno.EACCES, call, path, who=person)
                os.chdir(home)
        t.lists('d', ['f'])


for name, (call, follows) in ON_FILES.items():

    @suite.case(f'{name} at the end of a path', landscape())
    def _(t, name=name, call=named(name, call), follows=follows):
        making = name == 'open_create'
        t.fails(errno.ENOTDIR if not making else (errno.EISDIR, errno.ENOTDIR), call, 'f/')
        if follows:
            t.fails(errno.ELOOP, call, 'loop1')
        else:
            t.does(call, 'loop1')
        if not making:
            t.fails(errno.ENOENT, call, 'gone')
            t.fails(errno.ENOENT, call, 'd/gone')
        if follows and not making:
            t.fails(errno.ENOENT, call, 'dangling')
        t.does(call, 'n' * 255 + '/f')
        longest = './' * ((PATH_MAX - 4) // 2) + 'd/f'
        t.equal(len(longest), PATH_MAX - 1, 'length of the longest path')
        t.does(call, longest)


for name, call in MAKING.items():

    @suite.case(f'{name} of the longest name and path', landscape())
    def _(t, name=name, call=named(name, call)):
        t.does(call, 'm' * 255)
        t.lists('.', {*landscape(), 'm' * 255} - ({'source'} if name == 'rename_to' else set()))
        if name == 'rename_to':
            os.rename('m' * 255, 'source')
        t.does(call, './' * ((PATH_MAX - 4) // 2) + 'd/n')
        t.lists('d', ['f', 'n'])
        if name == 'rename_to':
            os.rename('d/n', 'source')
        if name == 'mkdir':
            t.does(call, 'gone/')
        else:
            t.fails((errno.ENOENT, errno.ENOTDIR, errno.EISDIR), call, 'gone/')


POINTER_CALLS = {
    'unlink': lambda: LIBC.unlink(BAD_ADDRESS),
    'rmdir': lambda: LIBC.rmdir(BAD_ADDRESS),
    'mkdir': lambda: LIBC.mkdir(BAD_ADDRESS, 0o755),
    'mkfifo': lambda: LIBC.mkfifo(BAD_ADDRESS, 0o644),
    'open': lambda: LIBC.open(BAD_ADDRESS, os.O_RDONLY),
    'chmod': lambda: LIBC.chmod(BAD_ADDRESS, 0o644),
    'chown': lambda: LIBC.chown(BAD_ADDRESS, 0, 0),
    'truncate': lambda: LIBC.truncate(BAD_ADDRESS, ctypes.c_long(1)),
    'link_from': lambda: LIBC.link(BAD_ADDRESS, b'new'),
    'link_to': lambda: LIBC.link(b'source', BAD_ADDRESS),
    'symlink_from': lambda: LIBC.symlink(BAD_ADDRESS, b'new'),
    'symlink_to': lambda: LIBC.symlink(b'x', BAD_ADDRESS),
    'rename_from': lambda: LIBC.rename(BAD_ADDRESS, b'new'),
    'rename_to': lambda: LIBC.rename(b'source', BAD_ADDRESS),
    'stat': lambda: LIBC.access(BAD_ADDRESS, 0),
}


@suite.case('addresses that are none', landscape())
def _(t):
    for name, call in POINTER_CALLS.items():
        with t.still('.'):
            t.fails(errno.EFAULT, named(name, lambda _, call=call: answer(call())), 'bad address')


@suite.case(
    'a path of many steps', {'d': directory({'e': directory({'up': symlink('../..'), 'f': file(b'deep')})})}
)
def _(t):
    t.holds('d/e/../../d/./e//f', b'deep')
    t.holds('d/e/up/d/e/up/d/e/f', b'deep')
    t.holds('d/e/' + 'up/d/e/' * 39 + 'f', b'deep')
    t.fails(errno.ELOOP, os.stat, 'd/e/' + 'up/d/e/' * 41 + 'f')
    t.equal(os.stat('d/e/../..').st_ino, os.stat('.').st_ino, 'two steps up')
