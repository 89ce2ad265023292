"""What a case holds in its hands: calls that must succeed or fail, and looks at what they left."""

import errno
import os
import stat
import time
from contextlib import contextmanager

from .objects import kind_of
from .people import acting_as

#: Two changes closer than this may get the same time (the tick of the server's kernel).
CLOCK_TICK_S = 0.012
TIMES = {'a': 'st_atime_ns', 'm': 'st_mtime_ns', 'c': 'st_ctime_ns'}


class Skip(Exception):
    """This case cannot be run here; the text says why."""


class Trial:
    """One run of one case, in its own directory, which is the working directory."""

    def __init__(self, report, clock):
        #: report(good, what, why)
        self._report = report
        self._clock = clock

    # Calls

    def does(self, call, *arguments, who=None, **named):
        """The call must succeed. Gives its result; None when it failed."""
        what = describe(call, arguments, named, who)
        try:
            with acting_as(who):
                result = call(*arguments, **named)
        except OSError as fault:
            self._report(False, what, f'got {symbol(fault.errno)}')
            return None
        self._report(True, what, '')
        return result

    def fails(self, codes, call, *arguments, who=None, **named):
        """The call must fail with the errno, or with one of them."""
        codes = codes if isinstance(codes, tuple) else (codes,)
        wanted = ' or '.join(symbol(code) for code in codes)
        what = f'{describe(call, arguments, named, who)} fails with {wanted}'
        try:
            with acting_as(who):
                result = call(*arguments, **named)
        except OSError as fault:
            self._report(fault.errno in codes, what, f'got {symbol(fault.errno)}')
            return
        if call is os.open:
            os.close(result)
        self._report(False, what, 'succeeded')

    # Looks

    def equal(self, got, wanted, what):
        self._report(got == wanted, what, f'got {short(got)}, wanted {short(wanted)}')

    def true(self, good, what, why='it is not so'):
        self._report(bool(good), what, why)

    def gone(self, *paths):
        for path in paths:
            self.fails(errno.ENOENT, os.lstat, path)

    def is_as(self, path, follow=False, **wanted):
        """
        Compares what stat says: kind, mode (permission bits), uid, gid, size, nlink, ino, rdev,
        atime_ns, mtime_ns. One assertion each. Gives the stat result; None if there is none.
        """
        try:
            status = os.stat(path, follow_symlinks=follow)
        except OSError as fault:
            for aspect in wanted:
                self._report(False, f'{aspect} of {short(path)}', f'stat got {symbol(fault.errno)}')
            return None
        for aspect, value in wanted.items():
            self._report(*_aspect(path, status, aspect, value))
        return status

    def holds(self, path, wanted):
        """The file's content, read from the server and not from this machine's cache."""
        try:
            got = read_uncached(path)
        except OSError as fault:
            self._report(False, f'content of {short(path)}', f'got {symbol(fault.errno)}')
            return
        self._report(got == wanted, f'content of {short(path)}', _difference(got, wanted))

    def lists(self, path, wanted):
        """The names in a directory, in any order, each once."""
        got = sorted(os.listdir(os.fsencode(path)))
        wanted = sorted(os.fsencode(name) for name in wanted)
        self._report(got == wanted, f'names in {short(path)}', _missing(got, wanted))

    # Times

    @contextmanager
    def moves(self, expected):
        """
        What happens inside must move the named times of each path and no others:
        {'file': 'c', '.': 'mc', ('before', 'after'): 'c'}. 'a' is looked at only when named.
        """
        pairs = {path if isinstance(path, tuple) else (path, path): times for path, times in expected.items()}
        before = {pair: os.lstat(pair[0]) for pair in pairs}
        self._let_the_clock_tick(before.values())
        yield
        for pair, times in pairs.items():
            try:
                after = os.lstat(pair[1])
            except OSError as fault:
                self._report(False, f'times of {short(pair[1])}', f'lstat got {symbol(fault.errno)}')
                continue
            for letter in 'amc':
                self._compare_time(pair[1], letter, before[pair], after, letter in times)

    @contextmanager
    def still(self, *paths):
        """What happens inside must not move mtime or ctime of any of the paths."""
        with self.moves({path: '' for path in paths}):
            yield

    def _compare_time(self, path, letter, before, after, must_move):
        if letter == 'a' and not must_move:
            return
        old = getattr(before, TIMES[letter])
        new = getattr(after, TIMES[letter])
        if must_move:
            self._report(new > old, f'{letter}time of {short(path)} moves', f'from {old} to {new}')
        else:
            self._report(new == old, f'{letter}time of {short(path)} stays', f'from {old} to {new}')

    def _let_the_clock_tick(self, statuses):
        newest = max((max(s.st_ctime_ns, s.st_mtime_ns) for s in statuses), default=0)
        wait_s = newest / 1e9 + CLOCK_TICK_S - self._clock.now_s()
        if 0 < wait_s < 1:
            time.sleep(wait_s)

    def is_recent(self, path, letters='amc'):
        """Each named time is that of the last seconds."""
        status = os.lstat(path)
        now = self._clock.now_s()
        for letter in letters:
            at = getattr(status, TIMES[letter]) / 1e9
            self._report(
                now - 5 < at < now + 2, f'{letter}time of {short(path)} is now', f'got {at}, now is {now}'
            )

    @staticmethod
    def skip(reason):
        raise Skip(reason)


def _aspect(path, status, aspect, wanted):
    got = {
        'kind': lambda: kind_of(status),
        'mode': lambda: stat.S_IMODE(status.st_mode),
    }.get(aspect, lambda: getattr(status, f'st_{aspect}'))()
    show = oct if aspect == 'mode' else repr
    return got == wanted, f'{aspect} of {short(path)} is {show(wanted)}', f'got {show(got)}'


def _difference(got, wanted):
    if len(got) != len(wanted):
        return f'{len(got)} bytes, wanted {len(wanted)}: {short(got)}'
    at = next((i for i, pair in enumerate(zip(got, wanted, strict=True)) if pair[0] != pair[1]), 0)
    return f'differs at {at}: got {short(got[at : at + 16])}, wanted {short(wanted[at : at + 16])}'


def _missing(got, wanted):
    lacking = [name for name in wanted if name not in got]
    extra = [name for name in got if name not in wanted]
    return f'lacking {short(lacking)}, extra {short(extra)}, {len(got)} names'


def read_uncached(path):
    """All of a file after throwing this machine's cached pages of it away."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        pieces = []
        while piece := os.read(descriptor, 1 << 20):
            pieces.append(piece)
        return b''.join(pieces)
    finally:
        os.close(descriptor)


def symbol(number):
    return errno.errorcode.get(number, str(number))


def short(value):
    """A value for a message: ASCII, and never long."""
    text = ascii(value)
    return text if len(text) <= 60 else f'{text[:40]}..({len(text)} characters)'


def describe(call, arguments, named, who):
    words = [short(argument) for argument in arguments]
    words += [f'{key}={short(value)}' for key, value in named.items()]
    by = f' by {who}' if who is not None else ''
    return f'{getattr(call, "__name__", "call")}({", ".join(words)}){by}'
