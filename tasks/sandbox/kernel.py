"""Asks the Linux kernel for what Python's standard library has no function for.

Everything raises `OSError`, as the functions of `os` do. On other systems nothing here may be
called; importing it is harmless.
"""

import ctypes
import errno
import os
import struct

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# The numbers of newer calls are the same everywhere.
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NOSUID = 0x2
_MNT_DETACH = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call by its number."""
    # As plain C ints, pointers and flags beyond 32 bits would be cut.
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *words)), f"system call {number}")


def prctl(option: int, argument: int, *more: ctypes.c_void_p) -> None:
    """Set an attribute of this process."""
    words = [*more, *(ctypes.c_ulong(0) for _ in range(3 - len(more)))]
    _checked(int(_libc.prctl(option, ctypes.c_ulong(argument), *words)), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    _checked(int(_libc.unshare(ctypes.c_int(flags))), f"unshare {flags:#x}")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Attach a file system, or change how one is attached."""
    names = (os.fsencode(text) for text in (source, target, kind))
    answer = _libc.mount(*names, ctypes.c_ulong(flags), os.fsencode(data))
    _checked(int(answer), f"mount {kind or source} on {target}")


def make_read_only(target: str) -> None:
    """Let nobody write to the mounts at and below a path, nor gain rights by a file there."""
    attributes = struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    arguments = (os.fsencode(target), _AT_RECURSIVE, attributes, len(attributes))
    syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, *arguments)


def change_root(path: str) -> None:
    """Make a mount the root of this process's tree and let go of the one before."""
    number = _SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "this architecture's number of pivot_root is not known")
    os.chdir(path)
    syscall(number, b".", b".")
    _checked(int(_libc.umount2(b".", _MNT_DETACH)), "umount of the old root")
    os.chdir("/")


def drop_capabilities() -> None:
    """Give up every privilege of this process for good."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(int(_libc.capset(header, bytes(24))), "capset")


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return answer
