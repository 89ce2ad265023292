"""
What a Linux NFSv3 client does differently from a local file system, whatever the server is.

An assertion in this table that fails on an NFS mount is reported as `# KNOWN` with the reason, and counted apart. It
is never skipped, and when it passes it counts as ok. A limit of one server does not belong here.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    #: A regular expression for the whole assertion name.
    assertion: str
    reason: str


KNOWN_ON_NFS = ()


def known_reason(assertion):
    """Why this assertion may fail on an NFS mount; None if it may not."""
    for entry in KNOWN_ON_NFS:
        if re.fullmatch(entry.assertion, assertion):
            return entry.reason
    return None
