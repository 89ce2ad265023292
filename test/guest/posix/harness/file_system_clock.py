"""The time as the file system's own clock has it; a server's clock, or a virtual machine's, need not be ours."""

import os
import time

#: How long one look at the other clock is good for.
SYNC_EVERY_S = 1.0


class FileSystemClock:
    def __init__(self, directory):
        self._probe = os.path.join(directory, f'.clock-{os.getpid()}')
        self._ahead_s = 0.0
        self._synced_at_s = float('-inf')

    def __enter__(self):
        os.close(os.open(self._probe, os.O_CREAT | os.O_WRONLY, 0o600))
        return self

    def __exit__(self, *_):
        os.unlink(self._probe)

    def now_s(self):
        ours_s = time.monotonic()
        if ours_s - self._synced_at_s > SYNC_EVERY_S:
            os.utime(self._probe)
            self._ahead_s = os.stat(self._probe).st_mtime_ns / 1e9 - ours_s
            self._synced_at_s = ours_s
        return ours_s + self._ahead_s
