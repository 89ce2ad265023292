"""mkfifo(3)"""

import errno
import os

from harness.catalogue import Suite
from harness.creation import Maker, add_creation_cases
from harness.objects import directory, fifo
from harness.people import OWNER

suite = Suite('mkfifo')
add_creation_cases(suite, Maker('fifo', os.mkfifo))


def pass_on(path):
    """Sends a word through the pipe inside this process."""
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.write(writer, b'through')
        return os.read(reader, 100)
    finally:
        os.close(reader)
        os.close(writer)


@suite.case('a prepared pipe carries data', {'p': fifo(), 'd': directory()})
def _(t):
    t.equal(t.does(pass_on, 'p'), b'through', 'what came out')
    t.does(os.rename, 'p', 'd/q')
    t.equal(t.does(pass_on, 'd/q'), b'through', 'what came out after the rename')
    t.is_as('d/q', kind='fifo', size=0)


@suite.case('a new pipe carries data')
def _(t):
    t.does(os.mkfifo, 'p', 0o600, who=None)
    t.equal(t.does(pass_on, 'p'), b'through', 'what came out')


@suite.case('nobody reads', {'p': fifo(mode=0o666, owner=OWNER)})
def _(t):
    t.fails(errno.ENXIO, os.open, 'p', os.O_WRONLY | os.O_NONBLOCK)
    t.fails(errno.ENXIO, os.open, 'p', os.O_WRONLY | os.O_NONBLOCK, who=OWNER)
