#!/usr/bin/env python3
"""
Runs the cases on a directory and prints TAP: `ok N - name`, `not ok N - name: why`. See ../README.md.

    run.py [--seeded] [--jobs N] [--only NAME,..] [--failures] DIR

Must be root. Exit code 0: nothing failed but what the table of known client limits names.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from harness.catalogue import load_cases  # noqa: E402
from harness.known import known_reason  # noqa: E402
from harness.syscalls import is_nfs  # noqa: E402
from harness.workers import run_in_workers  # noqa: E402


class Tally:
    """Prints each result as it comes and counts."""

    def __init__(self, nfs, failures_only):
        self._nfs = nfs
        self._failures_only = failures_only
        self.counts = {'ok': 0, 'not ok': 0, 'known': 0, 'skipped': 0}

    def take(self, result):
        verdict, text = self._judge(result)
        self.counts[verdict] += 1
        if verdict != 'ok' or not self._failures_only:
            number = sum(self.counts.values())
            print(text.replace(' - ', f' {number} - ', 1), flush=True)

    def _judge(self, result):
        name = f'{result["label"]}: {result["what"]}'
        if result['outcome'] == 'skip':
            return 'skipped', f'ok - {name} # SKIP'
        if result['outcome'] == 'ok':
            return 'ok', f'ok - {name}'
        reason = known_reason(name) if self._nfs else None
        if reason is not None:
            return 'known', f'not ok - {name}: {result["why"]} # KNOWN {reason}'
        return 'not ok', f'not ok - {name}: {result["why"]}'


def arguments():
    parser = argparse.ArgumentParser(description='file system semantics, case by case')
    parser.add_argument('directory', help='an empty directory, or with --seeded one that make-seed.py filled')
    parser.add_argument('--seeded', action='store_true', help='the prepared objects are already there')
    parser.add_argument('--jobs', type=int, default=2, help='cases under way at once (default 2)')
    parser.add_argument('--only', default='', help='suites or cases: rename,open/012')
    parser.add_argument('--failures', action='store_true', help='print no `ok` lines')
    return parser.parse_args()


def main():
    options = arguments()
    if os.geteuid() != 0:
        raise SystemExit('run.py must be root: it lends its rights to the callers of the cases')
    cases = load_cases(tuple(filter(None, options.only.split(','))))
    root = os.path.abspath(options.directory)
    started = time.monotonic()
    tally = Tally(is_nfs(root), options.failures)
    run_in_workers(cases, root, options.seeded, options.jobs, tally.take)
    total = sum(tally.counts.values())
    counted = ', '.join(f'{count} {verdict}' for verdict, count in tally.counts.items())
    print(f'1..{total}')
    print(f'# {len(cases)} cases, {total} assertions: {counted}; {time.monotonic() - started:.1f} s')
    sys.exit(1 if tally.counts['not ok'] else 0)


main()
