#!/usr/bin/env python3
"""
Makes the prepared objects of all cases in a directory that becomes part of an image; then `run.py --seeded`
works on them. Root, because there are owners and device nodes.

    make-seed.py [--only NAME,..] DIR
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from harness.catalogue import load_cases  # noqa: E402
from harness.objects import make_tree  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description='prepares the objects of the cases')
    parser.add_argument('directory')
    parser.add_argument('--only', default='')
    options = parser.parse_args()
    os.umask(0o022)
    os.makedirs(options.directory, exist_ok=True)
    for case in load_cases(tuple(filter(None, options.only.split(',')))):
        base = os.fsencode(os.path.join(options.directory, case.path))
        os.makedirs(os.path.dirname(base), exist_ok=True)
        os.mkdir(base, 0o755)
        make_tree(base, case.prepared)


main()
