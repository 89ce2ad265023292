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


SILLY_RENAME = (
    'the client renames an open file to .nfs* instead of removing it, and removes that at the last close'
)
NO_OPEN_FILES = 'NFSv3 has no open files: the server looks at the rights of every single write'
NO_REMOVED_DIRECTORIES = 'a handle of a removed directory is stale: the server keeps nothing that has no name'
UNSIGNED_32_BIT_TIMES = (
    'NFSv3 times are unsigned 32-bit seconds: the client moves others to the nearest it can send'
)

KNOWN_ON_NFS = (
    Known(r'link/\d+ a name of a file that is open .*: links of the open file', SILLY_RENAME),
    Known(r'unlink/\d+ a file that is open lives on .*: (links of the open file|names in .*)', SILLY_RENAME),
    Known(r'rename/\d+ over a file that is open: links of the replaced file', SILLY_RENAME),
    Known(r"open/\d+ a stranger's descriptor .*: write_after_loss.*", NO_OPEN_FILES),
    Known(r'rmdir/\d+ a directory that somebody stands in: .*', NO_REMOVED_DIRECTORIES),
    Known(r'rmdir/\d+ a directory that is open: mkdir.*', NO_REMOVED_DIRECTORIES),
    Known(r'utimensat/\d+ (-1|-1000000|4294967296|8589934592) seconds: .*', UNSIGNED_32_BIT_TIMES),
)


def known_reason(assertion):
    """Why this assertion may fail on an NFS mount; None if it may not."""
    for entry in KNOWN_ON_NFS:
        if re.fullmatch(entry.assertion, assertion):
            return entry.reason
    return None
