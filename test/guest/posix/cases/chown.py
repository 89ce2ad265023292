"""chown(2), lchown(2) and fchown(2)"""

import errno
import os

from harness.catalogue import Suite
from harness.objects import ALL_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import CROWDED, ELSEWHERE, MEMBER, OWNER, PEER, ROOT, STRANGER, owned_by

suite = Suite('chown')

#: Numbers that have been cut to 16 bits or taken for -1 somewhere.
NUMBERS = (0, 1, 65533, 65534, 65535, 65536, 123456789, 2**31 - 1, 2**31, 2**32 - 2)


def fchown(path, uid, gid):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchown(descriptor, uid, gid)
    finally:
        os.close(descriptor)


for kind in ALL_KINDS:

    @suite.case(f'root gives a {kind} away', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        with t.moves({'o': 'c', '.': ''}):
            t.does(os.lchown, 'o', STRANGER.uid, STRANGER.gid)
        t.is_as('o', kind=kind, uid=STRANGER.uid, gid=STRANGER.gid)
        with t.moves({'o': 'c'}):
            t.does(os.lchown, 'o', -1, PEER.gid)
        t.is_as('o', uid=STRANGER.uid, gid=PEER.gid)
        with t.moves({'o': 'c'}):
            t.does(os.lchown, 'o', PEER.uid, -1)
        t.is_as('o', uid=PEER.uid, gid=PEER.gid)

    @suite.case(f'others give no {kind} away', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        for person in (OWNER, PEER, MEMBER, STRANGER):
            with t.still('o'):
                t.fails(errno.EPERM, os.lchown, 'o', STRANGER.uid, STRANGER.gid, who=person)
                t.fails(errno.EPERM, os.lchown, 'o', ELSEWHERE.uid, -1, who=person)
                t.fails(errno.EPERM, os.lchown, 'o', -1, ELSEWHERE.gid, who=person)
        t.is_as('o', uid=OWNER.uid, gid=OWNER.gid)

    @suite.case(
        f'the owner moves a {kind} among his groups',
        {
            'm': of_kind(kind, MEMBER),
            'c': of_kind(kind, CROWDED),
            'own': of_kind(kind, OWNER),
        },
    )
    def _(t, kind=kind):
        with t.moves({'m': 'c'}):
            t.does(os.lchown, 'm', -1, OWNER.gid, who=MEMBER)
        t.is_as('m', uid=MEMBER.uid, gid=OWNER.gid)
        t.does(os.lchown, 'm', MEMBER.uid, MEMBER.gid, who=MEMBER)
        t.is_as('m', uid=MEMBER.uid, gid=MEMBER.gid)
        t.does(os.lchown, 'c', -1, OWNER.gid, who=CROWDED)
        t.is_as('c', uid=CROWDED.uid, gid=OWNER.gid)
        t.does(os.lchown, 'own', OWNER.uid, OWNER.gid, who=OWNER)
        t.is_as('own', uid=OWNER.uid, gid=OWNER.gid)

    @suite.case(f'a {kind} through a link', {'o': of_kind(kind, OWNER), 's': symlink('o', OWNER)})
    def _(t, kind=kind):
        with t.moves({'s': 'c', 'o': ''}):
            t.does(os.lchown, 's', STRANGER.uid, STRANGER.gid)
        t.is_as('s', kind='symlink', uid=STRANGER.uid, gid=STRANGER.gid)
        t.is_as('o', kind=kind, uid=OWNER.uid, gid=OWNER.gid)
        if kind == 'symlink':
            t.fails(errno.ENOENT, os.chown, 's', 1, 1)
            return
        with t.moves({'s': '', 'o': 'c'}):
            t.does(os.chown, 's', PEER.uid, PEER.gid)
        t.is_as('s', uid=STRANGER.uid)
        t.is_as('o', uid=PEER.uid, gid=PEER.gid)


for kind in ('file', 'directory'):

    @suite.case(f'a {kind} through a descriptor', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        with t.moves({'o': 'c', '.': ''}):
            t.does(fchown, 'o', STRANGER.uid, STRANGER.gid)
        t.is_as('o', kind=kind, uid=STRANGER.uid, gid=STRANGER.gid)
        with t.still('o'):
            t.fails(errno.EPERM, fchown, 'o', OWNER.uid, OWNER.gid, who=OWNER)


@suite.case('numbers of every size', {'f': file(), 'd': directory(), 's': symlink('x')})
def _(t):
    for name in ('f', 'd', 's'):
        for number in NUMBERS:
            t.does(os.lchown, name, number, NUMBERS[-1] - number)
            t.is_as(name, uid=number, gid=NUMBERS[-1] - number)


@suite.case('every name of a file sees it', {'f': file(b'x'), 'd': directory({'g': hard_link('f')})})
def _(t):
    t.does(os.chown, 'd/g', OWNER.uid, OWNER.gid)
    t.is_as('f', uid=OWNER.uid, gid=OWNER.gid, nlink=2)
    t.holds('f', b'x')


#: mode before -> mode after a chown of a file (Linux: whoever does it, root too).
AFTER_CHOWN = (
    (0o4755, 0o755),
    (0o2755, 0o755),
    (0o6755, 0o755),
    (0o4644, 0o644),
    (0o1644, 0o1644),
    (0o755, 0o755),
)

for mode, left in AFTER_CHOWN:

    @suite.case(
        f'{mode:o} after chown',
        {
            'root': file(mode=mode, owner=OWNER),
            'owner': file(mode=mode, owner=MEMBER),
            'same': file(mode=mode, owner=MEMBER),
            'refused': file(mode=mode, owner=MEMBER),
            'd': directory(mode=mode, owner=MEMBER),
        },
    )
    def _(t, mode=mode, left=left):
        t.does(os.chown, 'root', STRANGER.uid, STRANGER.gid)
        t.is_as('root', mode=left)
        t.does(os.chown, 'owner', -1, OWNER.gid, who=MEMBER)
        t.is_as('owner', mode=left, gid=OWNER.gid)
        t.does(os.chown, 'same', MEMBER.uid, MEMBER.gid, who=MEMBER)
        t.is_as('same', mode=left)
        t.fails(errno.EPERM, os.chown, 'refused', STRANGER.uid, -1, who=MEMBER)
        t.is_as('refused', mode=mode)
        t.does(os.chown, 'd', -1, OWNER.gid, who=MEMBER)
        t.is_as('d', mode=mode)


@suite.case(
    'nothing to change', {'f': file(owner=OWNER), 'd': directory(owner=OWNER), 's': symlink('f', OWNER)}
)
def _(t):
    for name in ('f', 'd', 's'):
        t.does(os.lchown, name, -1, -1)
        t.is_as(name, uid=OWNER.uid, gid=OWNER.gid)


@suite.case('in a directory without search', {'d': directory({'f': file(owner=MEMBER)}, mode=0o666)})
def _(t):
    t.fails(errno.EACCES, os.chown, 'd/f', -1, OWNER.gid, who=MEMBER)
    t.does(os.chmod, 'd', 0o711)
    t.does(os.chown, 'd/f', -1, OWNER.gid, who=MEMBER)
    t.is_as('d/f', gid=OWNER.gid)


@suite.case(
    'rights follow the owner',
    {'f': file(b'x', mode=0o640, owner=OWNER), 'd': directory(mode=0o750, owner=OWNER)},
)
def _(t):
    t.fails(errno.EACCES, os.open, 'f', os.O_RDONLY, who=STRANGER)
    t.does(os.chown, 'f', STRANGER.uid, -1)
    t.does(read, 'f', who=STRANGER)
    t.fails(errno.EACCES, os.open, 'f', os.O_WRONLY, who=OWNER)
    t.does(read, 'f', who=OWNER)
    t.does(os.chown, 'f', ROOT.uid, ROOT.gid)
    t.fails(errno.EACCES, os.open, 'f', os.O_RDONLY, who=STRANGER)
    t.fails(errno.EACCES, os.mkdir, 'd/new', who=STRANGER)
    t.does(os.chown, 'd', STRANGER.uid, -1)
    t.does(os.mkdir, 'd/new', who=STRANGER)


def read(path):
    with open(path, 'rb') as stream:
        return stream.read()


@suite.case('content stays', {'f': file(b'c' * 70000, owner=owned_by(5, 6))})
def _(t):
    t.does(os.chown, 'f', 7, 8)
    t.is_as('f', size=70000, uid=7, gid=8)
    t.holds('f', b'c' * 70000)
