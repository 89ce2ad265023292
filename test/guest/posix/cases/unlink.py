"""unlink(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import ODD_NAMES
from harness.objects import ALL_KINDS, FILE_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import CROWDED, MEMBER, OWNER, PEER, STRANGER

suite = Suite('unlink')

for kind in FILE_KINDS:

    @suite.case(f'removes a {kind}', {'gone': of_kind(kind, OWNER), 'stays': of_kind(kind)})
    def _(t, kind=kind):
        with t.moves({'.': 'mc', 'stays': ''}):
            t.does(os.unlink, 'gone')
        t.gone('gone')
        t.lists('.', ['stays'])
        t.fails(errno.ENOENT, os.unlink, 'gone')
        t.does(os.unlink, 'stays')
        t.lists('.', [])

    @suite.case(
        f'one of two names of a {kind}',
        {'one': of_kind(kind, OWNER), 'd': directory({'two': hard_link('one')})},
    )
    def _(t, kind=kind):
        number = t.is_as('one', nlink=2).st_ino
        with t.moves({'.': 'mc', 'd': '', 'd/two': 'c'}):
            t.does(os.unlink, 'one')
        t.gone('one')
        t.is_as('d/two', kind=kind, nlink=1, ino=number, uid=OWNER.uid)
        t.does(os.link, 'd/two', 'one', follow_symlinks=False)
        t.is_as('one', kind=kind, nlink=2, ino=number)
        t.does(os.unlink, 'd/two')
        t.is_as('one', nlink=1)


@suite.case('removes one that was made a moment ago')
def _(t):
    for number in range(6):
        name = f'new{number}'
        descriptor = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644)
        os.close(descriptor)
        with t.moves({'.': 'mc'}):
            t.does(os.unlink, name)
        t.gone(name)
    t.lists('.', [])


@suite.case('never a directory', {'d': directory(), 'full': directory({'f': file()})})
def _(t):
    with t.still('.', 'd', 'full'):
        t.fails((errno.EISDIR, errno.EPERM), os.unlink, 'd')
        t.fails((errno.EISDIR, errno.EPERM), os.unlink, 'full')
        t.fails((errno.EISDIR, errno.EPERM), os.unlink, '.')
        t.fails((errno.EISDIR, errno.EPERM), os.unlink, 'd/..')
    t.lists('.', ['d', 'full'])


@suite.case(
    'a symbolic link and not what it leads to',
    {
        'd': directory({'f': file(b'x')}),
        'f': file(b'y'),
        'to_d': symlink('d'),
        'to_f': symlink('f'),
    },
)
def _(t):
    t.fails((errno.ENOTDIR, errno.EISDIR), os.unlink, 'to_d/')
    t.fails(errno.ENOTDIR, os.unlink, 'f/')
    with t.still('f', 'd'):
        t.does(os.unlink, 'to_d')
        t.does(os.unlink, 'to_f')
    t.lists('.', ['d', 'f'])


@suite.case('odd names', {name: file(b'odd') for name in ODD_NAMES})
def _(t):
    for name in ODD_NAMES:
        t.does(os.unlink, name)
        t.gone(name)
    t.lists('.', [])


@suite.case(
    'the mode of the file does not matter', {'.': directory(mode=0o777), 'f': file(mode=0, owner=OWNER)}
)
def _(t):
    t.does(os.unlink, 'f', who=STRANGER)
    t.gone('f')


@suite.case(
    'no right to write the directory',
    {'d': directory({kind: of_kind(kind, OWNER) for kind in FILE_KINDS}, mode=0o555, owner=OWNER)},
)
def _(t):
    for kind in FILE_KINDS:
        for person in (OWNER, PEER, STRANGER):
            with t.still('d', f'd/{kind}'):
                t.fails(errno.EACCES, os.unlink, f'd/{kind}', who=person)
    t.lists('d', FILE_KINDS)


@suite.case(
    'no right to search the directory', {'d': directory({'f': file(owner=OWNER)}, mode=0o666, owner=OWNER)}
)
def _(t):
    for person in (OWNER, CROWDED, STRANGER):
        t.fails(errno.EACCES, os.unlink, 'd/f', who=person)
        t.fails(errno.EACCES, os.unlink, 'd/gone', who=person)
    t.does(os.unlink, 'd/f')


for kind in FILE_KINDS:

    @suite.case(
        f'sticky directory and a {kind}',
        {
            'ours': directory({'f': of_kind(kind, STRANGER)}, mode=0o1777, owner=OWNER),
            'theirs': directory({'f': of_kind(kind, OWNER)}, mode=0o1777, owner=STRANGER),
            'nobodys': directory({'f': of_kind(kind, STRANGER)}, mode=0o1777, owner=STRANGER),
            'plain': directory({'f': of_kind(kind, STRANGER)}, mode=0o777, owner=STRANGER),
        },
    )
    def _(t, kind=kind):
        with t.still('nobodys', 'nobodys/f'):
            t.fails((errno.EPERM, errno.EACCES), os.unlink, 'nobodys/f', who=OWNER)
            t.fails((errno.EPERM, errno.EACCES), os.unlink, 'nobodys/f', who=MEMBER)
        t.does(os.unlink, 'ours/f', who=OWNER)
        t.does(os.unlink, 'theirs/f', who=OWNER)
        t.does(os.unlink, 'plain/f', who=OWNER)
        t.does(os.unlink, 'nobodys/f')
        for name in ('ours', 'theirs', 'nobodys', 'plain'):
            t.lists(name, [])


@suite.case('a file that is open lives on without its name', {'f': file(b'prepared content')})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    t.does(os.unlink, 'f')
    t.gone('f')
    t.equal(os.fstat(descriptor).st_nlink, 0, 'links of the open file')
    t.lists('.', [])
    t.equal(os.pread(descriptor, 100, 0), b'prepared content', 'content of the open file')
    os.pwrite(descriptor, b'PRE', 0)
    os.ftruncate(descriptor, 8)
    t.equal(os.pread(descriptor, 100, 0), b'PREpared', 'changed content of the open file')
    os.close(descriptor)
    t.lists('.', [])


@suite.case('a new file by the name of an open one', {'f': file(b'old')})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    t.does(os.unlink, 'f')
    with open('f', 'wb') as stream:
        stream.write(b'new one')
    t.holds('f', b'new one')
    t.equal(os.pread(descriptor, 100, 0), b'old', 'content of the open file')
    t.true(os.fstat(descriptor).st_ino != os.stat('f').st_ino, 'two different files')
    os.close(descriptor)
    t.holds('f', b'new one')
    t.lists('.', ['f'])


@suite.case('the same name again and again', {'n': file(b'0' * 5000)})
def _(t):
    for turn, kind in enumerate(ALL_KINDS * 2):
        t.does(os.rmdir if os.path.isdir('n') and not os.path.islink('n') else os.unlink, 'n')
        t.gone('n')
        if kind == 'directory':
            os.mkdir('n')
        elif kind == 'symlink':
            os.symlink(f'turn{turn}', 'n')
        elif kind == 'file':
            with open('n', 'wb') as stream:
                stream.write(b'%d' % turn)
        else:
            os.mkfifo('n')
        t.lists('.', ['n'])
