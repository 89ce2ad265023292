"""chmod(2) and fchmod(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.objects import ALL_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import CROWDED, ELSEWHERE, MEMBER, OWNER, PEER, STRANGER, owned_by

suite = Suite('chmod')

MODES = (
    0o000,
    0o111,
    0o222,
    0o444,
    0o644,
    0o755,
    0o777,
    0o1777,
    0o2755,
    0o4755,
    0o6711,
    0o7777,
    0o2644,
    0o4000,
)
KINDS_WITH_MODE = tuple(kind for kind in ALL_KINDS if kind != 'symlink')


def fchmod(path, mode):
    """chmod through a descriptor; only for what can be opened without side effects."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


for kind in KINDS_WITH_MODE:

    @suite.case(f'every bit of a {kind}', {'o': of_kind(kind)})
    def _(t, kind=kind):
        for mode in MODES:
            with t.moves({'o': 'c', '.': ''}):
                t.does(os.chmod, 'o', mode)
            t.is_as('o', kind=kind, mode=mode, nlink=2 if kind == 'directory' else 1)

    @suite.case(
        f'a {kind} through a link and another name',
        {
            'o': of_kind(kind, OWNER),
            's': symlink('o', STRANGER),
            **({} if kind == 'directory' else {'other': hard_link('o')}),
        },
    )
    def _(t, kind=kind):
        with t.moves({'o': 'c', 's': ''}):
            t.does(os.chmod, 's', 0o751, who=OWNER)
        t.is_as('o', mode=0o751)
        t.is_as('s', kind='symlink', mode=0o777)
        if kind != 'directory':
            t.is_as('other', mode=0o751)

    @suite.case(f'the owner of a {kind} may, others may not', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        t.does(os.chmod, 'o', 0o700, who=OWNER)
        t.is_as('o', mode=0o700)
        for person in (PEER, MEMBER, CROWDED, STRANGER):
            with t.still('o'):
                t.fails(errno.EPERM, os.chmod, 'o', 0o777, who=person)
        t.is_as('o', mode=0o700)
        t.does(os.chown, 'o', STRANGER.uid, STRANGER.gid)
        t.fails(errno.EPERM, os.chmod, 'o', 0o777, who=OWNER)
        t.does(os.chmod, 'o', 0o707, who=STRANGER)
        t.is_as('o', mode=0o707)


for kind in ('file', 'directory'):

    @suite.case(f'through a descriptor of a {kind}', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        for mode in MODES:
            with t.moves({'o': 'c', '.': ''}):
                t.does(fchmod, 'o', mode)
            t.is_as('o', kind=kind, mode=mode)
        os.chmod('o', 0o755)
        t.does(fchmod, 'o', 0o555, who=OWNER)
        with t.still('o'):
            t.fails(errno.EPERM, fchmod, 'o', 0o777, who=STRANGER)
        t.is_as('o', mode=0o555)


@suite.case(
    'content and size stay', {'f': file(b'c' * 10000, size=20000), 'd': directory({'g': file(b'inside')})}
)
def _(t):
    t.does(os.chmod, 'f', 0o600)
    t.is_as('f', size=20000, mode=0o600)
    t.holds('f', b'c' * 10000 + b'\0' * 10000)
    t.does(os.chmod, 'd', 0o700)
    t.lists('d', ['g'])
    t.holds('d/g', b'inside')


@suite.case(
    'the group bit goes when the caller is not in the group',
    {
        'foreign': file(mode=0o644, owner=owned_by(OWNER.uid, ELSEWHERE.gid)),
        'own': file(mode=0o644, owner=OWNER),
        'further': file(mode=0o644, owner=owned_by(MEMBER.uid, OWNER.gid)),
        'crowd': file(mode=0o644, owner=owned_by(CROWDED.uid, OWNER.gid)),
    },
)
def _(t):
    t.does(os.chmod, 'foreign', 0o2755, who=OWNER)
    t.is_as('foreign', mode=0o755)
    t.does(os.chmod, 'own', 0o2755, who=OWNER)
    t.is_as('own', mode=0o2755)
    t.does(os.chmod, 'further', 0o2755, who=MEMBER)
    t.is_as('further', mode=0o2755)
    t.does(os.chmod, 'crowd', 0o2755, who=CROWDED)
    t.is_as('crowd', mode=0o2755)
    t.does(os.chmod, 'foreign', 0o6755)
    t.is_as('foreign', mode=0o6755)


@suite.case(
    'what the owner takes away from himself',
    {
        'f': file(b'secret', mode=0o644, owner=OWNER),
        'd': directory({'g': file(b'inside')}, mode=0o755, owner=OWNER),
    },
)
def _(t):
    t.does(os.chmod, 'f', 0, who=OWNER)
    t.fails(errno.EACCES, os.open, 'f', os.O_RDONLY, who=OWNER)
    t.fails(errno.EACCES, os.open, 'f', os.O_WRONLY, who=OWNER)
    t.does(os.chmod, 'f', 0o400, who=OWNER)
    t.does(read, 'f', who=OWNER)
    t.does(os.chmod, 'd', 0, who=OWNER)
    t.fails(errno.EACCES, os.stat, 'd/g', who=OWNER)
    t.fails(errno.EACCES, os.listdir, 'd', who=OWNER)
    t.does(os.chmod, 'd', 0o100, who=OWNER)
    t.does(os.stat, 'd/g', who=OWNER)
    t.fails(errno.EACCES, os.listdir, 'd', who=OWNER)


def read(path):
    with open(path, 'rb') as stream:
        return stream.read()


@suite.case(
    'in a directory without search', {'d': directory({'f': file(owner=OWNER)}, mode=0o644, owner=OWNER)}
)
def _(t):
    t.fails(errno.EACCES, os.chmod, 'd/f', 0o777, who=OWNER)
    t.does(os.chmod, 'd', 0o744, who=OWNER)
    t.does(os.chmod, 'd/f', 0o777, who=OWNER)
    t.is_as('d/f', mode=0o777)


#: What a write by somebody without CAP_FSETID leaves of these modes: suid goes, sgid goes where the group may execute.
AFTER_WRITE = (
    (0o6777, 0o777),
    (0o4777, 0o777),
    (0o2777, 0o777),
    (0o4666, 0o666),
    (0o666, 0o666),
    (0o1666, 0o1666),
)


def write_some(path):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, b'x')
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


for mode, left in AFTER_WRITE:

    @suite.case(
        f'{mode:o} after a write',
        {
            name: file(b'12345678', mode=mode, owner=OWNER)
            for name in ('own', 'other', 'root', 'empty', 'cut')
        },
    )
    def _(t, mode=mode, left=left):
        t.does(write_some, 'own', who=OWNER)
        t.is_as('own', mode=left)
        t.does(write_some, 'other', who=STRANGER)
        t.is_as('other', mode=left)
        t.does(write_some, 'root')
        t.is_as('root', mode=mode)
        t.does(read, 'empty', who=STRANGER)
        t.is_as('empty', mode=mode)
        t.does(os.truncate, 'cut', 3, who=STRANGER)
        t.is_as('cut', mode=left)
