"""open(2): every combination of flags, creation, truncation, who may"""

import errno
import os
import shutil
import subprocess

from harness.catalogue import Suite
from harness.creation import Maker, add_creation_cases
from harness.objects import ALL_KINDS, char, directory, fifo, file, of_kind, sock, symlink
from harness.people import MEMBER, OWNER, PEER, STRANGER

suite = Suite('open')


def create(path, mode):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))


def create_unchecked(path, mode):
    """O_CREAT alone takes what is there."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, mode))


add_creation_cases(suite, Maker('file', create))

ACCESS_MODES = {'O_RDONLY': os.O_RDONLY, 'O_WRONLY': os.O_WRONLY, 'O_RDWR': os.O_RDWR}
FLAGS = {
    'CREAT': os.O_CREAT,
    'EXCL': os.O_EXCL,
    'TRUNC': os.O_TRUNC,
    'APPEND': os.O_APPEND,
    'NOFOLLOW': os.O_NOFOLLOW,
    'DIRECTORY': os.O_DIRECTORY,
}
CONTENT = b'there before'
TARGETS = {
    'file': file(CONTENT),
    'missing': None,
    'directory': directory({'x': file()}),
    'link_to_file': symlink('../the_file'),
    'link_to_directory': symlink('../the_directory'),
    'dangling': symlink('made_through_link'),
    'loop': symlink('o'),
}


def combinations():
    for bits in range(1 << len(FLAGS)):
        names = [name for number, name in enumerate(FLAGS) if bits >> number & 1]
        # Refused since 6.4 and a surprise before: not a promise of anybody.
        # O_EXCL without O_CREAT is undefined.
        if ('CREAT' in names and 'DIRECTORY' in names) or ('EXCL' in names and 'CREAT' not in names):
            continue
        yield names


def verdict(target, access, names):
    """The errno that Linux gives, or 0 and then 'kept' | 'emptied' | 'made' for the file."""
    writes = access != 'O_RDONLY' or 'TRUNC' in names
    links = target in ('link_to_file', 'link_to_directory', 'dangling', 'loop')
    if 'CREAT' in names and 'EXCL' in names and target != 'missing':
        return errno.EEXIST, ''
    if links and 'NOFOLLOW' in names:
        return (errno.ENOTDIR if 'DIRECTORY' in names else errno.ELOOP), ''
    if target == 'loop':
        return errno.ELOOP, ''
    if target in ('missing', 'dangling'):
        return (0, 'made') if 'CREAT' in names else (errno.ENOENT, '')
    if target in ('directory', 'link_to_directory'):
        return (errno.EISDIR, '') if writes or 'CREAT' in names else (0, '')
    if 'DIRECTORY' in names:
        return errno.ENOTDIR, ''
    return 0, 'emptied' if 'TRUNC' in names else 'kept'


def check_combination(t, target, access, names):
    """One combination in its own directory, where `o` is the target."""
    flags = ACCESS_MODES[access]
    for name in names:
        flags |= FLAGS[name]
    code, effect = verdict(target, access, names)
    label = '|'.join([access, *names])
    try:
        descriptor = os.open('o', flags, 0o640)
    except OSError as fault:
        t.equal(fault.errno, code, f'errno of {label}')
        return
    os.close(descriptor)
    t.equal(0, code, f'errno of {label}')
    if effect == 'made':
        made = 'made_through_link' if target == 'dangling' else 'o'
        t.is_as(made, kind='file', size=0, mode=0o640)
    elif effect:
        t.is_as('o', follow=True, size=0 if effect == 'emptied' else len(CONTENT))


for target, prepared in TARGETS.items():
    for access in ACCESS_MODES:

        @suite.case(
            f'{access} of {target} with all flags',
            {
                str(number): directory({} if prepared is None else {'o': prepared})
                for number, names in enumerate(combinations())
            }
            | {'the_file': file(CONTENT), 'the_directory': directory()},
        )
        def _(t, target=target, access=access):
            home = os.getcwd()
            for number, names in enumerate(combinations()):
                os.chdir(os.path.join(home, str(number)))
                if target == 'link_to_file':
                    with open('../the_file', 'wb') as stream:
                        stream.write(CONTENT)
                check_combination(t, target, access, names)


@suite.case('O_CREAT on what is there changes nothing', {'f': file(CONTENT, mode=0o604, owner=OWNER)})
def _(t):
    with t.still('f', '.'):
        t.does(create_unchecked, 'f', 0o777)
    t.is_as('f', mode=0o604, uid=OWNER.uid, size=len(CONTENT))
    t.holds('f', CONTENT)


@suite.case('O_CREAT on what is not there')
def _(t):
    with t.moves({'.': 'mc'}):
        t.does(create_unchecked, 'f', 0o640)
    t.is_as('f', kind='file', mode=0o640, size=0, nlink=1)
    t.is_recent('f')


@suite.case(
    'O_TRUNC empties and moves the times',
    {'f': file(CONTENT * 1000), 'd': directory({'g': file(b'x' * 9000)})},
)
def _(t):
    with t.moves({'f': 'mc', '.': ''}):
        os.close(t.does(os.open, 'f', os.O_WRONLY | os.O_TRUNC))
    t.is_as('f', size=0)
    descriptor = os.open('d/g', os.O_RDWR | os.O_TRUNC)
    os.pwrite(descriptor, b'end', 8190)
    os.close(descriptor)
    t.holds('d/g', b'\0' * 8190 + b'end')


@suite.case('O_APPEND always writes at the end', {'f': file(b'start' * 1000)})
def _(t):
    first = os.open('f', os.O_WRONLY | os.O_APPEND)
    os.lseek(first, 0, os.SEEK_SET)
    os.write(first, b'one')
    os.write(first, b'two')
    os.close(first)
    t.holds('f', b'start' * 1000 + b'onetwo')


@suite.case('a file made without rights can be written by its maker', {'.': directory(mode=0o777)})
def _(t):
    for number, person in enumerate((OWNER, MEMBER)):
        name = f'f{number}'
        t.does(create_and_write, name, 0o000, b'hidden', who=person)
        t.is_as(name, size=6, mode=0, uid=person.uid)
        t.does(create_and_write, name + 'r', 0o444, b'readable', who=person)
        t.holds(name + 'r', b'readable')
        t.fails(errno.EACCES, os.open, name, os.O_RDONLY, who=person)
        t.fails(errno.EACCES, os.open, name, os.O_WRONLY, who=person)


def create_and_write(name, mode, content):
    descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
        assert os.pread(descriptor, 100, 0) == content
    finally:
        os.close(descriptor)


@suite.case('a descriptor outlives the right to open', {'f': file(b'12345', mode=0o666, owner=OWNER)})
def _(t):
    t.does(write_after_chmod, 'f', who=OWNER)
    t.holds('f', b'ABCDE')


def write_after_chmod(path):
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.chmod(path, 0)
        os.pwrite(descriptor, b'ABCDE', 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@suite.case(
    "a stranger's descriptor outlives the right to open", {'f': file(b'12345', mode=0o666, owner=OWNER)}
)
def _(t):
    t.does(write_after_loss, 'f', who=STRANGER)


def write_after_loss(path):
    """Opens as a stranger; then root takes the right away; then the stranger writes."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.seteuid(0)
        os.chmod(path, 0)
        os.seteuid(STRANGER.uid)
        os.pwrite(descriptor, b'ABCDE', 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


for kind in ('file', 'directory', 'fifo'):

    @suite.case(f'by who may not, a {kind}', {'o': of_kind(kind, OWNER, 0o000)})
    def _(t, kind=kind):
        for person in (OWNER, PEER, MEMBER, STRANGER):
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
                refused = (errno.EACCES, errno.EISDIR) if kind == 'directory' else errno.EACCES
                t.fails(refused, os.open, 'o', flags | os.O_NONBLOCK, who=person)
        with t.still('o'):
            t.fails(
                (errno.EACCES, errno.EISDIR),
                os.open,
                'o',
                os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK,
                who=STRANGER,
            )


@suite.case('O_TRUNC needs the right to write', {'f': file(CONTENT, mode=0o444, owner=OWNER)})
def _(t):
    for person in (OWNER, STRANGER):
        with t.still('f'):
            t.fails(errno.EACCES, os.open, 'f', os.O_RDONLY | os.O_TRUNC, who=person)
            t.fails(errno.EACCES, os.open, 'f', os.O_WRONLY | os.O_TRUNC, who=person)
    t.holds('f', CONTENT)


@suite.case('what is no file', {'p': fifo(mode=0o666), 's': sock(mode=0o666), 'nothing': char(240, 77)})
def _(t):
    t.fails(errno.ENXIO, os.open, 'p', os.O_WRONLY | os.O_NONBLOCK)
    descriptor = t.does(os.open, 'p', os.O_RDONLY | os.O_NONBLOCK)
    os.close(descriptor)
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        t.fails(errno.ENXIO, os.open, 's', flags)
        t.fails((errno.ENXIO, errno.ENODEV), os.open, 'nothing', flags)


@suite.case('a program that runs cannot be written', {'d': directory()})
def _(t):
    shutil.copy('/bin/sleep', 'd/program')
    os.chmod('d/program', 0o755)
    running = subprocess.Popen(['./d/program', '60'])
    try:
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
            t.fails(errno.ETXTBSY, os.open, 'd/program', flags)
        t.fails(errno.ETXTBSY, os.truncate, 'd/program', 10)
        t.does(os.rename, 'd/program', 'moved')
        t.does(os.unlink, 'moved')
    finally:
        running.kill()
        running.wait()


@suite.case('a file that is open for writing cannot be run', {'d': directory()})
def _(t):
    shutil.copy('/bin/true', 'd/program')
    os.chmod('d/program', 0o755)
    descriptor = os.open('d/program', os.O_WRONLY)
    t.fails(errno.ETXTBSY, subprocess.run, ['./d/program'])
    os.close(descriptor)
    t.equal(subprocess.run(['./d/program'], check=False).returncode, 0, 'exit code')
    os.chmod('d/program', 0o644)
    t.fails(errno.EACCES, subprocess.run, ['./d/program'])


def wins(path):
    """Does this process make the file?"""
    try:
        create(path, 0o600)
    except FileExistsError:
        return False
    return True


@suite.case('exclusive creation: exactly one of many wins', {'d': directory(), 'taken': file()})
def _(t):
    children = []
    for _turn in range(6):
        child = os.fork()
        if child == 0:
            os._exit(sum(wins(f'd/lock{number}') for number in range(10)))
        children.append(child)
    won = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    t.equal(won, 10, 'winners of ten names')
    t.true(not wins('taken') and not wins('d/lock0'), 'nobody wins later')
    t.is_as('d/lock9', mode=0o600, size=0)


@suite.case('mode bits beyond rwx')
def _(t):
    for mode in (0o1644, 0o2755, 0o4755, 0o6711, 0o7777):
        t.does(create, f'f{mode:o}', mode)
        t.is_as(f'f{mode:o}', mode=mode)


for kind in ALL_KINDS:

    @suite.case(f'O_PATH of a {kind}', {'o': of_kind(kind, OWNER, 0o000)})
    def _(t, kind=kind):
        descriptor = t.does(os.open, 'o', os.O_PATH | os.O_NOFOLLOW, who=STRANGER)
        t.equal(os.fstat(descriptor).st_ino, os.lstat('o').st_ino, 'same number')
        t.fails(errno.EBADF, os.read, descriptor, 1)
        os.close(descriptor)
