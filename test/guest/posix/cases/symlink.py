"""symlink(2) and readlink(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import Maker, add_creation_cases
from harness.objects import directory, file, symlink
from harness.people import OWNER, STRANGER

suite = Suite('symlink')


def make_symlink(path, _mode):
    os.symlink('nowhere', path)


add_creation_cases(suite, Maker('symlink', make_symlink, has_mode=False))

TARGETS = (
    b'a',
    b'..',
    b'/',
    b'/no/such/thing',
    b'./with/../dots//and///slashes/',
    b'trailing/',
    b'\xff\xfe not utf-8',
    b'line\nbreak',
    b' ',
    b'x' * 255,
    b'y' * 256,
    b'long/' * 200,
    b'z/' * 2047 + b'z',
)

for target in TARGETS:

    @suite.case(f'target of {len(target)} bytes {target[:12]!r}', {'old': symlink(target)})
    def _(t, target=target):
        t.equal(os.readlink(b'old'), target, 'target of the prepared link')
        t.is_as('old', kind='symlink', size=len(target))
        t.does(os.symlink, target, 'new')
        t.equal(os.readlink(b'new'), target, 'target of the new link')
        t.is_as('new', kind='symlink', size=len(target), mode=0o777)


@suite.case('targets that are refused')
def _(t):
    t.fails(errno.ENOENT, os.symlink, '', 'link')
    t.fails(errno.ENAMETOOLONG, os.symlink, b'x' * 4096, 'link')
    t.lists('.', [])


@suite.case('reads what is no link', {'f': file(), 'd': directory()})
def _(t):
    t.fails(errno.EINVAL, os.readlink, 'f')
    t.fails(errno.EINVAL, os.readlink, 'd')
    t.fails(errno.ENOENT, os.readlink, 'gone')


@suite.case(
    'follows to a file', {'f': file(b'content', owner=OWNER), 'd': directory({'up': symlink('../f')})}
)
def _(t):
    t.does(os.symlink, 'f', 'new')
    t.holds('new', b'content')
    t.holds('d/up', b'content')
    t.is_as('new', follow=True, kind='file', uid=OWNER.uid)
    t.is_as('new', kind='symlink', uid=0)
    with t.moves({'f': 'mc', 'new': '', '.': ''}):
        with open('new', 'ab') as stream:
            stream.write(b'!')
    t.holds('f', b'content!')


@suite.case('follows to a directory', {'d': directory({'f': file(b'inside')}), 'link': symlink('d')})
def _(t):
    t.holds('link/f', b'inside')
    t.lists('link', ['f'])
    t.lists('link/', ['f'])
    t.does(os.mkdir, 'link/e')
    t.lists('d', ['e', 'f'])
    t.does(os.unlink, 'link')
    t.lists('d', ['e', 'f'])


@suite.case('a link outlives its target', {'f': file(b'one'), 'link': symlink('f')})
def _(t):
    t.does(os.unlink, 'f')
    t.fails(errno.ENOENT, os.stat, 'link')
    t.is_as('link', kind='symlink')
    with open('f', 'wb') as stream:
        stream.write(b'two')
    t.holds('link', b'two')


@suite.case('the mode of a link stops nobody', {'link': symlink('f', OWNER), 'f': file(b'x', mode=0o644)})
def _(t):
    t.does(os.readlink, 'link', who=STRANGER)
    t.does(os.stat, 'link', who=STRANGER)


@suite.case(
    'a chain of 40 is followed, one of 41 is not',
    {
        'f': file(b'end'),
        'link0': symlink('f'),
        **{f'link{number}': symlink(f'link{number - 1}') for number in range(1, 42)},
    },
)
def _(t):
    t.holds('link39', b'end')
    t.fails(errno.ELOOP, os.stat, 'link40')
    t.fails(errno.ELOOP, os.stat, 'link41')
