"""Who may do what: every combination of one class's bits, for every class of callers"""

import errno
import os
import stat

from harness.catalogue import Suite
from harness.objects import directory, file, symlink
from harness.people import CLASSES, OWNER, PEER, STRANGER, acting_as
from harness.syscalls import utimensat_null

suite = Suite('permissions')

READ, WRITE, EXECUTE = 4, 2, 1


def mode_for(bits, shift):
    """These bits for one class and the opposite for the other two: only the first class that fits counts."""
    mode = 0
    for other in (0, 3, 6):
        mode |= (bits if other == shift else 7 - bits) << other
    return mode


def open_for(flags):
    def call(path):
        os.close(os.open(path, flags))

    return call


#: Name, what it needs of the file, call(path).
FILE_CALLS = (
    ('open_read', READ, open_for(os.O_RDONLY)),
    ('open_write', WRITE, open_for(os.O_WRONLY)),
    ('open_read_write', READ | WRITE, open_for(os.O_RDWR)),
    ('open_append', WRITE, open_for(os.O_WRONLY | os.O_APPEND)),
    ('open_truncate', WRITE, open_for(os.O_WRONLY | os.O_TRUNC)),
    ('truncate', WRITE, lambda path: os.truncate(path, 1)),
)

#: Name, what it needs of the directory, call(directory). `x` and `e` are there; `n` is not.
DIRECTORY_CALLS = (
    ('list', READ, os.listdir),
    ('stat_inside', EXECUTE, lambda d: os.stat(f'{d}/x')),
    ('read_inside', EXECUTE, lambda d: os.close(os.open(f'{d}/x', os.O_RDONLY))),
    ('chdir', EXECUTE, lambda d: os.chdir(d)),
    ('create', WRITE | EXECUTE, lambda d: os.close(os.open(f'{d}/n', os.O_CREAT | os.O_WRONLY, 0o600))),
    ('mkdir', WRITE | EXECUTE, lambda d: os.mkdir(f'{d}/nd')),
    ('mkfifo', WRITE | EXECUTE, lambda d: os.mkfifo(f'{d}/np')),
    ('mknod', WRITE | EXECUTE, lambda d: os.mknod(f'{d}/ns', stat.S_IFSOCK | 0o600)),
    ('symlink', WRITE | EXECUTE, lambda d: os.symlink('x', f'{d}/nl')),
    ('link', WRITE | EXECUTE, lambda d: os.link('shared', f'{d}/nh')),
    ('rename_in', WRITE | EXECUTE, lambda d: os.rename('free/moving', f'{d}/moved')),
    ('rename_within', WRITE | EXECUTE, lambda d: os.rename(f'{d}/x', f'{d}/y')),
    ('rename_out', WRITE | EXECUTE, lambda d: os.rename(f'{d}/z', 'free/out')),
    ('unlink', WRITE | EXECUTE, lambda d: os.unlink(f'{d}/u')),
    ('rmdir', WRITE | EXECUTE, lambda d: os.rmdir(f'{d}/e')),
)


def attempt(t, call, argument, who, allowed, what):
    home = os.getcwd()
    try:
        with acting_as(who):
            call(argument)
    except OSError as fault:
        t.equal(
            0 if fault.errno == 0 else errno.errorcode[fault.errno], 'success' if allowed else 'EACCES', what
        )
    else:
        t.true(allowed, what, 'succeeded, wanted EACCES')
    finally:
        os.chdir(home)


def granted(path, who):
    """The rights that access(2) names for the caller."""
    with acting_as(who):
        return sum(bit for bit in (READ, WRITE, EXECUTE) if os.access(path, bit, effective_ids=True))


for person, shift in CLASSES:
    for bits in range(8):
        mode = mode_for(bits, shift)

        @suite.case(
            f'file {mode:03o} and {person}',
            {name: file(b'0123456789', mode=mode, owner=OWNER) for name, _needs, _call in FILE_CALLS}
            | {'touched': file(mode=mode, owner=OWNER)},
        )
        def _(t, person=person, bits=bits):
            for name, needs, call in FILE_CALLS:
                t.equal(granted(name, person), bits, f'access of {name}')
                attempt(t, call, name, person, bits & needs == needs, name)
            may_touch = person is OWNER or bool(bits & WRITE)
            attempt(t, utimensat_null, 'touched', person, may_touch, 'touch')

        @suite.case(
            f'directory {mode:03o} and {person}',
            {
                'd': directory(
                    {
                        'x': file(b'x', mode=0o644, owner=OWNER),
                        'z': file(owner=OWNER),
                        'u': file(owner=OWNER),
                        'e': directory(owner=OWNER),
                    },
                    mode=mode,
                    owner=OWNER,
                ),
                'free': directory({'moving': file(owner=OWNER)}, mode=0o777, owner=OWNER),
                'shared': file(mode=0o666, owner=OWNER),
            },
        )
        def _(t, person=person, bits=bits):
            # Without search nothing can be written in a directory; servers differ in what they then say of "write".
            open_question = 0 if bits & EXECUTE else WRITE
            t.equal(granted('d', person) & ~open_question, bits & ~open_question, 'access')
            for name, needs, call in DIRECTORY_CALLS:
                attempt(t, call, 'd', person, bits & needs == needs, name)


@suite.case(
    'execution',
    {
        f'p{mode:o}': file(b'#!/bin/sh\nexit 0\n', mode=mode, owner=OWNER)
        for mode in (0o700, 0o070, 0o007, 0o644, 0o755, 0o555)
    },
)
def _(t):
    wanted = {
        'p700': (OWNER,),
        'p70': (PEER,),
        'p7': (STRANGER,),
        'p644': (),
        'p755': (OWNER, PEER, STRANGER),
    }
    for name, allowed in wanted.items():
        for person in (OWNER, PEER, STRANGER):
            with acting_as(person):
                got = os.access(name, os.X_OK, effective_ids=True)
            t.equal(got, person in allowed, f'{name} by {person}')


@suite.case(
    'the right is looked up anew after each change',
    {
        'f': file(b'x', mode=0o600, owner=OWNER),
        'd': directory({'g': file()}, mode=0o700, owner=OWNER),
    },
)
def _(t):
    for _turn in range(3):
        t.fails(errno.EACCES, os.open, 'f', os.O_RDONLY, who=STRANGER)
        t.fails(errno.EACCES, os.stat, 'd/g', who=STRANGER)
        os.chmod('f', 0o604)
        os.chmod('d', 0o701)
        t.does(open_for(os.O_RDONLY), 'f', who=STRANGER)
        t.does(os.stat, 'd/g', who=STRANGER)
        os.chmod('f', 0o600)
        os.chmod('d', 0o700)


@suite.case(
    'root may read and write what nobody may',
    {
        'f': file(b'x', mode=0, owner=OWNER),
        'd': directory({'g': file(b'y', mode=0, owner=OWNER)}, mode=0, owner=OWNER),
        's': symlink('d/g'),
    },
)
def _(t):
    t.holds('f', b'x')
    t.holds('s', b'y')
    t.does(open_for(os.O_RDWR | os.O_TRUNC), 'f')
    t.does(os.mkdir, 'd/new')
    t.lists('d', ['g', 'new'])
    t.true(not os.access('f', os.X_OK), 'root may not execute without any x')
