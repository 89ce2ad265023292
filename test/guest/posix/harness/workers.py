"""Runs cases in several processes; each case has its own directory, so they do not meet."""

import json
import os
import signal
import sys
import time
import traceback

from .file_system_clock import FileSystemClock
from .objects import make_tree
from .trial import Skip, Trial

#: A case that takes longer has failed. (A hard NFS mount may not let go before.)
CASE_LIMIT_S = 120
#: A line on a pipe is written whole or not at all up to PIPE_BUF.
RESULT_LINE_MAX_BYTES = 4000
#: Between making the prepared objects and working on them, so that "moves" can be seen.
SETTLE_S = 0.05


class CaseTooLong(Exception):
    pass


def run_in_workers(cases, root, seeded, jobs, take):
    """Calls `take` with each result: {label, what, outcome: ok | not ok | skip, why}."""
    if not seeded:
        for suite in sorted({case.suite for case in cases}):
            os.mkdir(os.path.join(root, suite))
    readable, writable = os.pipe()
    workers = {}
    for index in range(jobs):
        share = cases[index::jobs]
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(readable)
            _work(share, root, seeded, writable)
        workers[child] = index
    os.close(writable)
    with os.fdopen(readable, 'rb') as results:
        for line in results:
            take(json.loads(line))
    for child, index in workers.items():
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            take(_result(f'worker {index}', 'runs to its end', 'not ok', f'exit code {status}'))


def _work(cases, root, seeded, pipe):
    """The life of one worker process."""
    try:
        signal.signal(signal.SIGALRM, _too_long)
        unready = {} if seeded else _prepare_all(cases, root)
        time.sleep(SETTLE_S)
        with FileSystemClock(root) as clock:
            for case in cases:
                _run_case(case, root, clock, unready.get(case.path), pipe)
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the parent must see that the worker died, whatever it was
        traceback.print_exc()
        os._exit(1)


def _prepare_all(cases, root):
    """Makes the prepared objects of all cases. Gives what went wrong, by case."""
    unready = {}
    os.umask(0o022)
    for case in cases:
        base = os.fsencode(os.path.join(root, case.path))
        try:
            os.mkdir(base, 0o755)
            make_tree(base, case.prepared)
        except OSError as fault:
            unready[case.path] = str(fault)
    return unready


def _run_case(case, root, clock, unready, pipe):
    def report(good, what, why):
        _send(pipe, _result(case.label, what, 'ok' if good else 'not ok', '' if good else why))

    if unready is not None:
        report(False, 'its objects can be prepared', unready)
        return
    try:
        signal.alarm(CASE_LIMIT_S)
        os.chdir(os.path.join(root, case.path))
        os.umask(0)
        case.body(Trial(report, clock))
    except Skip as reason:
        _send(pipe, _result(case.label, str(reason), 'skip', ''))
    except Exception as fault:  # noqa: BLE001 - a case that breaks is a failed assertion, and the next one runs
        place = traceback.extract_tb(fault.__traceback__)[-1]
        report(False, 'runs to its end', f'{fault!r} at {os.path.basename(place.filename)}:{place.lineno}')
    finally:
        signal.alarm(0)
        os.chdir('/')


def _too_long(_signal, _frame):
    raise CaseTooLong(f'no end after {CASE_LIMIT_S} s')


def _result(label, what, outcome, why):
    return {'label': label, 'what': what, 'outcome': outcome, 'why': why}


def _send(pipe, result):
    line = json.dumps(result)
    if len(line) >= RESULT_LINE_MAX_BYTES:
        line = json.dumps({**result, 'what': result['what'][:900], 'why': result['why'][:900]})
    os.write(pipe, line.encode() + b'\n')
