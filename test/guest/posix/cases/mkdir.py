"""mkdir(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import Maker, add_creation_cases
from harness.objects import directory, file
from harness.people import OWNER, STRANGER

suite = Suite('mkdir')
add_creation_cases(suite, Maker('directory', os.mkdir))


@suite.case('links of the parent count its directories', {'d': directory({'one': directory(), 'f': file()})})
def _(t):
    t.is_as('d', nlink=3)
    for number in range(5):
        t.does(os.mkdir, f'd/more{number}')
    t.is_as('d', nlink=8)
    t.does(os.rmdir, 'd/one')
    t.does(os.rmdir, 'd/more0')
    t.is_as('d', nlink=6)


@suite.case('a new directory is empty and knows its parent')
def _(t):
    t.does(os.mkdir, 'd')
    t.does(os.mkdir, 'd/e')
    t.lists('d/e', [])
    t.equal(os.stat('d/e/..').st_ino, os.stat('d').st_ino, 'd/e/.. is d')
    t.equal(os.stat('d/..').st_ino, os.stat('.').st_ino, 'd/.. is here')


@suite.case(
    'where a directory with content was removed', {'d': directory({'f': file(b'old'), 'e': directory()})}
)
def _(t):
    t.does(os.unlink, 'd/f')
    t.does(os.rmdir, 'd/e')
    t.does(os.rmdir, 'd')
    t.does(os.mkdir, 'd')
    t.lists('d', [])
    t.gone('d/f', 'd/e')
    t.does(os.mkdir, 'd/f')
    t.lists('d/f', [])


@suite.case('a trailing slash is allowed')
def _(t):
    t.does(os.mkdir, 'd/')
    t.does(os.mkdir, 'd/e///')
    t.is_as('d/e', kind='directory')


@suite.case('sticky and group bits', {'open': directory(mode=0o1777, owner=OWNER)})
def _(t):
    t.does(os.mkdir, 'sticky', 0o1777)
    t.is_as('sticky', mode=0o1777)
    t.does(os.mkdir, 'open/d', 0o1700, who=STRANGER)
    t.is_as('open/d', mode=0o1700, uid=STRANGER.uid)


@suite.case('a deep tree')
def _(t):
    path = 'd'
    for depth in range(60):
        os.mkdir(path)
        path += f'/level{depth}'
    t.fails(errno.ENOENT, os.mkdir, path + '/too/far')
    t.does(os.mkdir, path)
    t.is_as(path, kind='directory', nlink=2)
