"""Who makes the calls. Numbers far from any real account; the suites run as root and lend their rights."""

import os
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    name: str
    uid: int
    gid: int
    groups: tuple = ()

    def __repr__(self):
        return self.name


ROOT = Person('root', 0, 0)
OWNER = Person('owner', 60001, 60001)
#: Has the owner's group as first group.
PEER = Person('peer', 60003, 60001)
#: Has the owner's group among further groups.
MEMBER = Person('member', 60004, 60004, (60001,))
#: AUTH_SYS carries 16 further groups; the owner's is the last of them.
CROWDED = Person('crowded', 60005, 60005, tuple(range(60100, 60115)) + (60001,))
STRANGER = Person('stranger', 60002, 60002)
#: An object of nobody among the callers.
ELSEWHERE = Person('elsewhere', 60009, 60009)

#: The three classes of the permission bits: (person, shift of the bits that count for them, where OWNER owns).
CLASSES = ((OWNER, 6), (PEER, 3), (MEMBER, 3), (CROWDED, 3), (STRANGER, 0))


def owned_by(uid, gid):
    """An owner that is no caller: a mixture of uid and gid."""
    return Person(f'{uid}:{gid}', uid, gid)


@contextmanager
def acting_as(person):
    """The effective ids decide about files; going back to root needs the real ones to stay 0."""
    if person is None or person == ROOT:
        yield
        return
    os.setgroups(person.groups)
    os.setegid(person.gid)
    os.seteuid(person.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(())
