"""opendir(3), readdir(3), telldir(3), seekdir(3)"""

import errno
import os
import random

from harness.catalogue import Suite
from harness.creation import ODD_NAMES
from harness.objects import ALL_KINDS, directory, file, of_kind, symlink
from harness.people import OWNER, PEER, STRANGER
from harness.syscalls import DirectoryStream

suite = Suite('readdir')

D_TYPES = {'fifo': 1, 'char': 2, 'directory': 4, 'block': 6, 'file': 8, 'symlink': 10, 'socket': 12}


def numbered(count, prefix='n'):
    return {f'{prefix}{number:04d}': file(b'%d' % number) for number in range(count)}


def plain(names):
    """Without dot and dot-dot."""
    return sorted(name for name in names if name not in (b'.', b'..'))


@suite.case('names, numbers and types', {'d': directory({kind: of_kind(kind) for kind in ALL_KINDS})})
def _(t):
    seen = {}
    stream = DirectoryStream('d')
    while (entry := stream.read()) is not None:
        seen[entry[0]] = entry[1:]
    stream.close()
    t.equal(plain(seen), sorted(os.fsencode(kind) for kind in ALL_KINDS), 'names')
    for kind in ALL_KINDS:
        number, type_code = seen[os.fsencode(kind)]
        t.equal(number, os.lstat(f'd/{kind}').st_ino, f'number of {kind}')
        t.true(type_code in (0, D_TYPES[kind]), f'type of {kind}', f'got {type_code}')
    t.equal(seen[b'.'][0], os.stat('d').st_ino, 'number of .')
    t.equal(seen[b'..'][0], os.stat('.').st_ino, 'number of ..')


@suite.case('an empty directory', {'d': directory()})
def _(t):
    stream = DirectoryStream('d')
    t.equal(sorted(stream.rest()), [b'.', b'..'], 'names')
    t.equal(stream.read(), None, 'the end again')
    stream.close()


@suite.case('dot-dot after a move', {'d': directory({'e': directory()}), 'x': directory()})
def _(t):
    os.rename('d/e', 'x/e')
    stream = DirectoryStream('x/e')
    numbers = {}
    while (entry := stream.read()) is not None:
        numbers[entry[0]] = entry[1]
    stream.close()
    t.equal(numbers[b'..'], os.stat('x').st_ino, 'number of ..')
    t.equal(numbers[b'.'], os.stat('x/e').st_ino, 'number of .')


@suite.case('odd names', {'d': directory({name: file() for name in ODD_NAMES})})
def _(t):
    t.lists('d', ODD_NAMES)
    os.unlink(b'd/' + ODD_NAMES[1])
    os.rename(b'd/' + ODD_NAMES[2], b'd/plain')
    t.lists('d', [ODD_NAMES[0], *ODD_NAMES[3:], b'plain'])


@suite.case(
    'long names fill the replies',
    {'d': directory({f'{number:03d}' + 'x' * (number % 253): file() for number in range(400)})},
)
def _(t):
    names = {f'{number:03d}' + 'x' * (number % 253) for number in range(400)}
    t.lists('d', names)
    stream = DirectoryStream('d')
    t.equal(plain(stream.rest()), sorted(map(os.fsencode, names)), 'each name once')
    stream.close()


@suite.case('changes between listings', {'d': directory(numbered(300))})
def _(t):
    names = {f'n{number:04d}' for number in range(300)}
    t.lists('d', names)
    for number in range(0, 300, 7):
        os.unlink(f'd/n{number:04d}')
        names.remove(f'n{number:04d}')
    t.lists('d', names)
    for number in range(0, 300, 14):
        os.mkdir(f'd/n{number:04d}')
        names.add(f'n{number:04d}')
    t.lists('d', names)
    for number in range(1, 300, 9):
        if f'n{number:04d}' in names:
            os.rename(f'd/n{number:04d}', f'd/m{number:04d}')
            names.remove(f'n{number:04d}')
            names.add(f'm{number:04d}')
    t.lists('d', names)


@suite.case('removing what was just listed', {'d': directory(numbered(500))})
def _(t):
    stream = DirectoryStream('d')
    seen = []
    while (entry := stream.read()) is not None:
        if entry[0] not in (b'.', b'..'):
            seen.append(entry[0])
            os.unlink(b'd/' + entry[0])
    stream.close()
    t.equal(len(seen), 500, 'names seen')
    t.equal(len(set(seen)), 500, 'different names seen')
    t.lists('d', [])
    t.does(os.rmdir, 'd')


@suite.case(
    'what stays is seen once while other names come and go',
    {'d': directory(numbered(300, 'stay') | numbered(300, 'go'))},
)
def _(t):
    stream = DirectoryStream('d')
    seen = []
    removed = 0
    while (entry := stream.read()) is not None:
        seen.append(entry[0])
        if removed < 300:
            os.unlink(f'd/go{removed:04d}')
            os.close(os.open(f'd/come{removed:04d}', os.O_CREAT | os.O_WRONLY, 0o600))
            removed += 1
    stream.close()
    staying = [name for name in seen if name.startswith(b'stay')]
    t.equal(len(staying), 300, 'staying names seen')
    t.equal(len(set(staying)), 300, 'different staying names seen')
    t.lists('d', [f'{word}{number:04d}' for word in ('stay', 'come') for number in range(300)])


@suite.case('renaming while listing', {'d': directory(numbered(200)), 'to': directory()})
def _(t):
    stream = DirectoryStream('d')
    while (entry := stream.read()) is not None:
        if entry[0] not in (b'.', b'..'):
            os.rename(b'd/' + entry[0], b'to/' + entry[0])
    stream.close()
    t.lists('d', [])
    t.lists('to', numbered(200))
    t.holds('to/n0199', b'199')


@suite.case('a place is found again', {'d': directory(numbered(250))})
def _(t):
    stream = DirectoryStream('d')
    places = []
    while True:
        place = stream.tell()
        entry = stream.read()
        if entry is None:
            break
        places.append((place, entry[0]))
    order = random.Random(5)
    for place, name in order.sample(places, 40):
        stream.seek(place)
        t.equal(stream.read()[0], name, f'name at {short_place(places, place)}')
    stream.rewind()
    t.equal(len(stream.rest()), 252, 'names after rewinding')
    stream.close()


def short_place(places, place):
    return f'entry {[known for known, _name in places].index(place)}'


@suite.case('a place is found again after removals', {'d': directory(numbered(250))})
def _(t):
    stream = DirectoryStream('d')
    first = [stream.read()[0] for _ in range(120)]
    place = stream.tell()
    for name in first:
        if name not in (b'.', b'..'):
            os.unlink(b'd/' + name)
    rest = stream.rest()
    t.equal(len(set(first) | set(rest)), 252, 'names in all')
    t.equal(len(first) + len(rest), 252, 'none twice')
    stream.seek(place)
    t.equal(sorted(stream.rest()), sorted(rest), 'the rest again')
    stream.close()
    t.lists('d', rest and [name for name in rest if name not in (b'.', b'..')])


@suite.case('rewinding sees what is new', {'d': directory(numbered(3))})
def _(t):
    stream = DirectoryStream('d')
    t.equal(len(stream.rest()), 5, 'names')
    os.mkdir('d/new')
    os.unlink('d/n0001')
    stream.rewind()
    t.equal(plain(stream.rest()), [b'n0000', b'n0002', b'new'], 'names after the change')
    stream.close()


@suite.case('numbers are those of stat for every name', {'d': directory(numbered(150))})
def _(t):
    os.mkdir('d/added')
    os.rename('d/n0001', 'd/renamed')
    with os.scandir('d') as entries:
        wrong = [entry.name for entry in entries if entry.inode() != os.lstat(f'd/{entry.name}').st_ino]
    t.equal(wrong, [], 'names with another number')
    with os.scandir('d') as entries:
        t.equal(len({entry.inode() for entry in entries}), 151, 'different numbers')


@suite.case(
    'who may list',
    {
        'read': directory({'x': file(), 'y': symlink('x')}, mode=0o744, owner=OWNER),
        'search': directory({'x': file()}, mode=0o711, owner=OWNER),
    },
)
def _(t):
    for person in (PEER, STRANGER):
        t.equal(sorted(t.does(os.listdir, 'read', who=person)), ['x', 'y'], 'names')
        t.fails(errno.EACCES, os.stat, 'read/x', who=person)
        t.fails(errno.EACCES, os.listdir, 'search', who=person)
        t.does(os.stat, 'search/x', who=person)


@suite.case('what cannot be listed', {'f': file(), 's': symlink('f'), 'd': directory()})
def _(t):
    t.fails(errno.ENOTDIR, os.listdir, 'f')
    t.fails(errno.ENOTDIR, os.listdir, 's')
    t.fails(errno.ENOENT, os.listdir, 'gone')
    descriptor = os.open('d', os.O_RDONLY)
    t.fails(errno.EISDIR, os.read, descriptor, 10)
    os.close(descriptor)


@suite.case('a directory that was removed while it was open', {'d': directory(numbered(5))})
def _(t):
    stream = DirectoryStream('d')
    for number in range(5):
        os.unlink(f'd/n{number:04d}')
    t.does(os.rmdir, 'd')
    stream.close()
    t.lists('.', [])
