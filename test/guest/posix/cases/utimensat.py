"""utimensat(2) and futimens(3)"""

import errno
import os
from itertools import pairwise

from harness.catalogue import Suite
from harness.objects import ALL_KINDS, directory, file, hard_link, of_kind, symlink
from harness.people import CROWDED, MEMBER, OWNER, PEER, STRANGER
from harness.syscalls import UTIME_NOW, UTIME_OMIT, futimens, utimensat, utimensat_null

suite = Suite('utimensat')

SECOND = 1_000_000_000
NOW = (0, UTIME_NOW)
OMIT = (0, UTIME_OMIT)
#: (seconds, nanoseconds) that NFSv3's unsigned 32 bits hold. In the first and the last second that a file system
#: can hold, Linux drops the nanoseconds itself.
MOMENTS = (
    (0, 0),
    (1, 1),
    (2, 999_999_999),
    (1_000_000_000, 123_456_789),
    (2**31 - 1, 1),
    (2**31, 500_000_000),
    (2**32 - 2, 999_999_999),
    (2**32 - 1, 0),
)
#: Moments that they do not hold.
FAR_MOMENTS = ((-1, 0), (-1_000_000, 5), (2**32, 0), (2**33, 7))


def ns(moment):
    return moment[0] * SECOND + moment[1]


def through_descriptor(path, access, modification):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        futimens(descriptor, access, modification)
    finally:
        os.close(descriptor)


for kind in ALL_KINDS:

    @suite.case(f'both times of a {kind}', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        for access, modification in zip(MOMENTS, MOMENTS[::-1], strict=True):
            with t.moves({'.': ''}):
                t.does(utimensat, 'o', access, modification, follow=False)
            t.is_as('o', kind=kind, atime_ns=ns(access), mtime_ns=ns(modification))
        t.is_recent('o', 'c')

    @suite.case(f'one time of a {kind}', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        t.does(utimensat, 'o', (1000, 1), (2000, 2), follow=False)
        t.does(utimensat, 'o', OMIT, (3000, 3), follow=False)
        t.is_as('o', atime_ns=ns((1000, 1)), mtime_ns=ns((3000, 3)))
        t.does(utimensat, 'o', (4000, 4), OMIT, follow=False)
        t.is_as('o', atime_ns=ns((4000, 4)), mtime_ns=ns((3000, 3)))
        with t.still('o'):
            t.does(utimensat, 'o', OMIT, OMIT, follow=False)
        t.is_as('o', atime_ns=ns((4000, 4)), mtime_ns=ns((3000, 3)))

    @suite.case(f'a {kind} to now', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        t.does(utimensat, 'o', (1000, 0), (2000, 0), follow=False)
        t.does(utimensat, 'o', NOW, OMIT, follow=False)
        t.is_recent('o', 'ac')
        t.is_as('o', mtime_ns=2000 * SECOND)
        t.does(utimensat, 'o', (1000, 0), NOW, follow=False)
        t.is_as('o', atime_ns=1000 * SECOND)
        t.is_recent('o', 'mc')
        t.does(utimensat, 'o', (1000, 0), (2000, 0), follow=False)
        with t.moves({'o': 'amc', '.': ''}):
            t.does(utimensat, 'o', NOW, NOW, follow=False)
        t.is_recent('o')
        t.does(utimensat, 'o', (1000, 0), (2000, 0), follow=False)
        t.does(utimensat_null, 'o', follow=False)
        t.is_recent('o')

    @suite.case(f'who may set the times of a {kind}', {'o': of_kind(kind, OWNER, 0o600)})
    def _(t, kind=kind):
        t.does(utimensat, 'o', (10, 0), (20, 0), follow=False, who=OWNER)
        t.is_as('o', atime_ns=10 * SECOND, mtime_ns=20 * SECOND)
        for person in (PEER, MEMBER, STRANGER):
            with t.still('o'):
                t.fails(errno.EPERM, utimensat, 'o', (1, 0), (2, 0), follow=False, who=person)
                t.fails(errno.EPERM, utimensat, 'o', OMIT, (2, 0), follow=False, who=person)
                t.fails(errno.EPERM, utimensat, 'o', (1, 0), OMIT, follow=False, who=person)
                t.fails(errno.EPERM, utimensat, 'o', NOW, (2, 0), follow=False, who=person)
                t.does(utimensat, 'o', OMIT, OMIT, follow=False, who=person)
        t.is_as('o', atime_ns=10 * SECOND, mtime_ns=20 * SECOND)

    if kind != 'symlink':

        @suite.case(
            f'who may touch a {kind}',
            {
                'rw': of_kind(kind, OWNER, 0o666),
                'group': of_kind(kind, OWNER, 0o660),
                'ro': of_kind(kind, OWNER, 0o444),
                'none': of_kind(kind, OWNER, 0o000),
            },
        )
        def _(t, kind=kind):
            for name, person in (
                ('rw', STRANGER),
                ('group', PEER),
                ('group', MEMBER),
                ('group', CROWDED),
                ('ro', OWNER),
                ('none', OWNER),
            ):
                t.does(utimensat, name, (10, 0), (20, 0))
                t.does(utimensat_null, name, who=person)
                t.is_recent(name)
            for name, person in (('ro', STRANGER), ('ro', PEER), ('none', MEMBER), ('group', STRANGER)):
                with t.still(name):
                    t.fails(errno.EACCES, utimensat_null, name, who=person)
                    t.fails(errno.EACCES, utimensat, name, NOW, NOW, who=person)
                    t.fails((errno.EPERM, errno.EACCES), utimensat, name, NOW, OMIT, who=person)

        @suite.case(f'a {kind} through a link', {'o': of_kind(kind), 's': symlink('o')})
        def _(t, kind=kind):
            t.does(utimensat, 's', (11, 0), (22, 0), follow=False)
            t.is_as('s', kind='symlink', atime_ns=11 * SECOND, mtime_ns=22 * SECOND)
            with t.moves({'s': ''}):
                t.does(utimensat, 's', (33, 0), (44, 0))
            t.is_as('o', kind=kind, atime_ns=33 * SECOND, mtime_ns=44 * SECOND)
            t.is_as('s', mtime_ns=22 * SECOND)


for kind in ('file', 'directory'):

    @suite.case(f'a {kind} through a descriptor', {'o': of_kind(kind, OWNER)})
    def _(t, kind=kind):
        for access, modification in pairwise(MOMENTS):
            t.does(through_descriptor, 'o', access, modification)
            t.is_as('o', atime_ns=ns(access), mtime_ns=ns(modification))
        t.does(through_descriptor, 'o', OMIT, NOW)
        t.is_recent('o', 'mc')
        t.fails(errno.EPERM, through_descriptor, 'o', (1, 0), (1, 0), who=STRANGER)


for moment in FAR_MOMENTS:

    @suite.case(f'{moment[0]} seconds', {'f': file(), 'd': directory()})
    def _(t, moment=moment):
        for name in ('f', 'd'):
            t.does(utimensat, name, moment, moment)
            t.is_as(name, atime_ns=ns(moment), mtime_ns=ns(moment))


@suite.case('nanoseconds that are refused', {'f': file(times=(5 * SECOND, 6 * SECOND))})
def _(t):
    with t.still('f'):
        for nanoseconds in (-1, SECOND, SECOND + 1, UTIME_NOW + 1, UTIME_OMIT - 1):
            t.fails(errno.EINVAL, utimensat, 'f', (1, nanoseconds), (1, 0))
            t.fails(errno.EINVAL, utimensat, 'f', (1, 0), (1, nanoseconds))


@suite.case(
    'times set before there was a mount',
    {
        'f': file(b'x', times=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321)),
        'd': directory({'g': file(times=(7 * SECOND, 8 * SECOND + 1))}, times=(9 * SECOND, 10 * SECOND + 11)),
        's': symlink('f', times=(12 * SECOND + 1, 13 * SECOND + 2)),
    },
)
def _(t):
    t.is_as('f', mtime_ns=1_400_000_000_987_654_321)
    t.is_as('d', mtime_ns=10 * SECOND + 11)
    t.is_as('d/g', mtime_ns=8 * SECOND + 1)
    t.is_as('s', mtime_ns=13 * SECOND + 2)
    t.does(os.chmod, 'f', 0o600)
    t.is_as('f', mtime_ns=1_400_000_000_987_654_321)
    t.does(os.rename, 'd', 'e')
    t.is_as('e', mtime_ns=10 * SECOND + 11)
    t.does(os.unlink, 'e/g')
    t.is_recent('e', 'mc')


@suite.case(
    'set times stay until the next change', {'f': file(b'x' * 5000), 'd': directory(), 'g': hard_link('f')}
)
def _(t):
    t.does(utimensat, 'f', (100, 1), (200, 2))
    t.is_as('g', mtime_ns=ns((200, 2)))
    t.does(os.chown, 'f', 1, 1)
    t.does(os.rename, 'f', 'h')
    t.is_as('h', mtime_ns=ns((200, 2)))
    with open('h', 'r+b') as stream:
        stream.write(b'y')
    t.is_recent('h', 'mc')
    t.does(utimensat, 'h', (100, 1), (200, 2))
    t.does(os.truncate, 'h', 10)
    t.is_recent('h', 'mc')
    t.does(utimensat, 'd', (100, 1), (200, 2))
    os.mkdir('d/new')
    t.is_recent('d', 'mc')


@suite.case('after a write that was not synced', {'f': file(b'x' * 5000)})
def _(t):
    descriptor = os.open('f', os.O_RDWR)
    os.pwrite(descriptor, b'yyyy', 4094)
    t.does(utimensat, 'f', (100, 1), (200, 2))
    os.close(descriptor)
    t.is_as('f', mtime_ns=ns((200, 2)))
    t.holds('f', b'x' * 4094 + b'yyyy' + b'x' * 902)
    t.is_as('f', mtime_ns=ns((200, 2)))


@suite.case('in a directory without search', {'d': directory({'f': file(owner=OWNER)}, mode=0o666)})
def _(t):
    t.fails(errno.EACCES, utimensat, 'd/f', (1, 0), (2, 0), who=OWNER)
    t.fails(errno.EACCES, utimensat_null, 'd/f', who=OWNER)
