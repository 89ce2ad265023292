"""The calls that Python's os does not have, or not as the kernel does."""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_EACCESS = 0x200
AT_SYMLINK_FOLLOW = 0x400
UTIME_NOW = (1 << 30) - 1
UTIME_OMIT = (1 << 30) - 2
MS_BIND = 4096
CLONE_NEWNS = 0x20000
MS_REC = 16384
MS_PRIVATE = 1 << 18
#: An address that no process has mapped.
BAD_ADDRESS = ctypes.c_void_p(0x10)


class Timespec(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]


def answer(result):
    """The result of a C call, or its errno raised."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def utimensat(path, access, modification, follow=True):
    """Each time is (seconds, nanoseconds), where nanoseconds may be UTIME_NOW or UTIME_OMIT."""
    times = (Timespec * 2)(Timespec(*access), Timespec(*modification))
    flags = 0 if follow else AT_SYMLINK_NOFOLLOW
    answer(LIBC.utimensat(AT_FDCWD, os.fsencode(path), times, flags))


def utimensat_null(path, follow=True):
    """Both times to now, as touch does."""
    answer(LIBC.utimensat(AT_FDCWD, os.fsencode(path), None, 0 if follow else AT_SYMLINK_NOFOLLOW))


def futimens(descriptor, access, modification):
    answer(LIBC.futimens(descriptor, (Timespec * 2)(Timespec(*access), Timespec(*modification))))


def linkat(source, target, flags):
    answer(LIBC.linkat(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags))


def truncate(path, length):
    """As os.truncate, for lengths that Python would refuse itself."""
    answer(LIBC.truncate(os.fsencode(path), ctypes.c_long(length)))


def mount_bind(source, target):
    answer(LIBC.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None))


def unmount(target):
    answer(LIBC.umount2(os.fsencode(target), 0))


def own_mount_namespace():
    """Mounts made from here on are seen by this process only."""
    answer(LIBC.unshare(CLONE_NEWNS))
    answer(LIBC.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None))


def is_nfs(path):
    """Is the path on an NFS mount? (statfs(2), f_type)"""
    buffer = (ctypes.c_long * 32)()
    answer(LIBC.statfs(os.fsencode(path), buffer))
    return buffer[0] == 0x6969


class _Entry(ctypes.Structure):
    _fields_ = [
        ('number', ctypes.c_uint64),
        ('offset', ctypes.c_int64),
        ('length', ctypes.c_ushort),
        ('type', ctypes.c_ubyte),
        ('name', ctypes.c_char * 256),
    ]


class DirectoryStream:
    """opendir(3) with telldir and seekdir."""

    def __init__(self, path):
        LIBC.opendir.restype = ctypes.c_void_p
        LIBC.readdir.restype = ctypes.POINTER(_Entry)
        LIBC.telldir.restype = ctypes.c_long
        self._stream = ctypes.c_void_p(LIBC.opendir(os.fsencode(path)))
        if not self._stream.value:
            answer(-1)

    def read(self):
        """(name, inode number, d_type) or None at the end."""
        ctypes.set_errno(0)
        entry = LIBC.readdir(self._stream)
        if entry:
            return entry.contents.name, entry.contents.number, entry.contents.type
        if ctypes.get_errno():
            answer(-1)
        return None

    def rest(self):
        """The names from here to the end."""
        names = []
        while (entry := self.read()) is not None:
            names.append(entry[0])
        return names

    def tell(self):
        return LIBC.telldir(self._stream)

    def seek(self, position):
        LIBC.seekdir(self._stream, ctypes.c_long(position))

    def rewind(self):
        LIBC.rewinddir(self._stream)

    def close(self):
        LIBC.closedir(self._stream)
