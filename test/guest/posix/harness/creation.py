"""The cases that hold for every call that makes a name: mkdir, mkfifo, mknod, symlink, open with O_CREAT."""

import errno
import os
from dataclasses import dataclass

from .objects import ALL_KINDS, directory, file, of_kind, symlink
from .people import CROWDED, MEMBER, OWNER, PEER, STRANGER

#: (mode asked for, umask)
MODES = (
    (0o755, 0o000),
    (0o777, 0o022),
    (0o151, 0o000),
    (0o666, 0o077),
    (0o345, 0o070),
    (0o345, 0o501),
    (0o000, 0o000),
    (0o700, 0o777),
    (0o407, 0o027),
)

#: Names that have tripped servers: bytes, not text.
ODD_NAMES = (
    b'x' * 255,
    b'\xff\xfe\x80 not utf-8',
    'é composed'.encode(),
    'e\u0301 decomposed'.encode(),
    '名前'.encode() * 42,
    b' leading and trailing ',
    b'line\nbreak\ttab\rreturn',
    b'\x01\x02\x1b\x7f',
    b'...',
    b'..a',
    b'-rf',
    b'back\\slash',
    b'*?[a]{b}~$`"\'',
    b'COM1:',
    b'.nfs',
    b'.wh.file',
    b'CASE',
    b'case',
)


@dataclass(frozen=True)
class Maker:
    """A call that makes an object at a path with a mode."""

    kind: str
    #: make(path, mode)
    make: callable
    #: Symbolic links have no mode of their own.
    has_mode: bool = True
    #: Only root may make devices.
    for_everyone: bool = True


def add_creation_cases(suite, maker):
    _add_new_object(suite, maker)
    _add_names(suite, maker)
    _add_where_something_is(suite, maker)
    if maker.for_everyone:
        _add_ownership(suite, maker)
        _add_permission(suite, maker)


def _add_new_object(suite, maker):
    make = maker.make
    links = 2 if maker.kind == 'directory' else 1

    @suite.case('makes the object, and both times of the directory move')
    def _(t):
        with t.moves({'.': 'mc'}):
            t.does(make, 'new', 0o644)
        t.is_as('new', kind=maker.kind, nlink=links, uid=0, gid=0)
        t.is_recent('new')
        t.lists('.', ['new'])
        t.equal(os.lstat('.').st_nlink, 3 if maker.kind == 'directory' else 2, 'links of the directory')

    for mode, mask in MODES if maker.has_mode else ():

        @suite.case(f'mode {mode:o} under umask {mask:o}')
        def _(t, mode=mode, mask=mask):
            os.umask(mask)
            t.does(make, 'new', mode)
            t.is_as('new', kind=maker.kind, mode=mode & ~mask)


def _add_names(suite, maker):
    make = maker.make

    @suite.case('odd names', {'neighbours': directory()})
    def _(t):
        os.chdir('neighbours')
        for name in ODD_NAMES:
            t.does(make, name, 0o644)
            t.is_as(name, kind=maker.kind)
        t.lists('.', ODD_NAMES)
        t.fails(errno.ENAMETOOLONG, make, b'x' * 256, 0o644)
        t.fails(errno.ENAMETOOLONG, make, 'é' * 128, 0o644)

    @suite.case('odd names beside prepared ones', {name: file() for name in ODD_NAMES})
    def _(t):
        for name in ODD_NAMES:
            t.fails(errno.EEXIST, make, name, 0o644)
            t.does(make, name[:200] + b'+', 0o644)
        t.lists('.', [*ODD_NAMES, *(name[:200] + b'+' for name in ODD_NAMES)])


def _add_where_something_is(suite, maker):
    make = maker.make
    for kind in ALL_KINDS:

        @suite.case(f'the name is a {kind} already', {'there': of_kind(kind, OWNER)})
        def _(t, kind=kind):
            with t.still('.', 'there'):
                t.fails(errno.EEXIST, make, 'there', 0o644)
            t.is_as('there', kind=kind, uid=OWNER.uid)

        @suite.case(f'where a {kind} was removed', {'name': of_kind(kind, OWNER)})
        def _(t, kind=kind):
            before = os.lstat('name').st_ino
            t.does(os.rmdir if kind == 'directory' else os.unlink, 'name')
            t.gone('name')
            t.does(make, 'name', 0o640)
            status = t.is_as('name', kind=maker.kind, uid=0)
            if maker.has_mode:
                t.is_as('name', mode=0o640)
            t.true(status and status.st_ino, f'a number (it was {before})')
            t.lists('.', ['name'])
            t.fails(errno.EEXIST, make, 'name', 0o644)

    @suite.case('a dangling symbolic link is a name', {'there': symlink('gone'), 'self': symlink('self')})
    def _(t):
        t.fails(errno.EEXIST, make, 'there', 0o644)
        t.fails(errno.EEXIST, make, 'self', 0o644)
        t.gone('gone')

    @suite.case('in a directory that is gone', {'d': directory()})
    def _(t):
        os.chdir('d')
        t.does(os.rmdir, '../d')
        t.fails(errno.ENOENT, make, 'new', 0o644)

    @suite.case('special names', {'d': directory()})
    def _(t):
        for name in ('.', '..', 'd/.', 'd/..', '/'):
            t.fails(errno.EEXIST, make, name, 0o644)
        t.fails(errno.ENOENT, make, '', 0o644)


def _add_ownership(suite, maker):
    make = maker.make
    for person in (OWNER, MEMBER, CROWDED, STRANGER):

        @suite.case(f'belongs to {person}', {'.': directory(mode=0o777)})
        def _(t, person=person):
            t.does(make, 'new', 0o644, who=person)
            t.is_as('new', uid=person.uid, gid=person.gid)

    for person in (PEER, STRANGER):

        @suite.case(f'by {person} where the group is passed on', {'.': directory(mode=0o2777, owner=OWNER)})
        def _(t, person=person):
            os.umask(0o022)
            t.does(make, 'new', 0o755, who=person)
            t.is_as('new', uid=person.uid, gid=OWNER.gid)
            if maker.kind == 'directory':
                t.is_as('new', mode=0o2755)
                t.does(make, 'new/inner', 0o700, who=person)
                t.is_as('new/inner', uid=person.uid, gid=OWNER.gid, mode=0o2700)


def _add_permission(suite, maker):
    make = maker.make

    @suite.case('no right to write', {'d': directory({'here': file()}, mode=0o555, owner=OWNER)})
    def _(t):
        for person in (OWNER, MEMBER, STRANGER):
            with t.still('d'):
                t.fails(errno.EACCES, make, 'd/new', 0o644, who=person)
            t.fails(errno.EEXIST, make, 'd/here', 0o644, who=person)
        t.lists('d', ['here'])

    @suite.case('no right to search', {'d': directory({'e': directory(mode=0o777)}, mode=0o600, owner=OWNER)})
    def _(t):
        for person in (OWNER, MEMBER, STRANGER):
            t.fails(errno.EACCES, make, 'd/new', 0o644, who=person)
            t.fails(errno.EACCES, make, 'd/e/new', 0o644, who=person)
        t.does(make, 'd/e/new', 0o644)
