"""Puts the zygote into namespaces of its own: users, processes, network, shared memory, mounts.

A machine's root gets there as a spare user, so that what is left of its rights is an ordinary
user's, and limits that the kernel does not apply to root hold. Each child then enters one more user
namespace, in which it is nobody's root and its threads are counted alone.
"""

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tasks.sandbox import kernel
from tasks.sandbox.layers import BlockedError, Layer

# No system assigns it to anyone, and it exists in containers that map 65536 users.
SPARE_UID = 61_000

_CHILD_UID = 1000
_IDENTITY = ["0", "0", str(2**32 - 1)]
_NAMESPACES = {
    Layer.NET_NS: kernel.CLONE_NEWNET,
    Layer.IPC_NS: kernel.CLONE_NEWIPC,
    Layer.MOUNT_NS: kernel.CLONE_NEWNS,
    Layer.PID_NS: kernel.CLONE_NEWPID,
}


def is_machine_root() -> bool:
    """Whether this process is root, and not only in a user namespace."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == _IDENTITY


def enter_namespaces(spare_uid: int | None, without: Collection[Layer]) -> set[Layer]:
    """Enter what the host permits; answer with it. `settle_in` is to follow.

    Args:
        spare_uid: the user to become, for root.
        without: namespaces to stay out of.

    Raises:
        BlockedError: the host lets a user namespace be made, but not used.
    """
    if Layer.USER_NS in without or not _enter_user_namespace(spare_uid):
        return set()
    with suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWUTS)
    entered = {Layer.USER_NS}
    for layer, flag in _NAMESPACES.items():
        if layer not in without:
            with suppress(OSError):
                kernel.unshare(flag)
                entered.add(layer)
    return entered


def settle_in(entered: Collection[Layer]) -> None:
    """Become the user that the user namespace is for, and the process that the others are for.

    Where there is a process namespace, a fork of this process returns, as the first one in there:
    when it ends, the kernel ends all the others.

    Raises:
        BlockedError: children could not enter a user namespace of their own.
    """
    if Layer.USER_NS in entered:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        # The change has made /proc/self root's, which this process must go on to use.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        die_with_parent()
    if Layer.PID_NS in entered:
        _move_to_first_process()
    if Layer.USER_NS in entered:
        _try_child_namespace()


def enter_own_user_namespace() -> None:
    """Become an ordinary user of a new user namespace, without any privilege there or outside."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    _write_maps("self", uid, gid, _CHILD_UID)


def become(uid: int) -> None:
    """Turn root into another user for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def die_with_parent() -> None:
    """Be killed when the parent ends; a change of user undoes it."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _enter_user_namespace(spare_uid: int | None) -> bool:
    uid, gid = (os.geteuid(), os.getegid()) if spare_uid is None else (spare_uid, spare_uid)
    if spare_uid is not None:
        os.setgroups([])
    owner = os.getpid()
    reader, writer = os.pipe()
    helper = os.fork()
    if not helper:
        # Only a process outside may map a user other than the caller.
        os.close(writer)
        _map_when_told(reader, owner, uid, gid)
    os.close(reader)
    is_inside = False
    with os.fdopen(writer, "wb", buffering=0) as gate, suppress(OSError):
        kernel.unshare(kernel.CLONE_NEWUSER)
        is_inside = True
        gate.write(b"!")
    _, status = os.waitpid(helper, 0)
    if is_inside and status:
        raise BlockedError(Layer.USER_NS, "no user can be mapped into a user namespace")
    return is_inside


def _map_when_told(reader: int, owner: int, uid: int, gid: int) -> None:
    status = 1
    with suppress(OSError):
        if os.read(reader, 1):
            _write_maps(str(owner), uid, gid, 0)
            status = 0
    os._exit(status)


def _write_maps(process: str, uid: int, gid: int, inside: int) -> None:
    folder = Path("/proc", process)
    (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(f"{inside} {uid} 1")
    (folder / "gid_map").write_text(f"{inside} {gid} 1")


def _try_child_namespace() -> None:
    """Do in a process of no consequence what every child will have to do."""
    pid = os.fork()
    if not pid:
        status = 1
        with suppress(OSError):
            enter_own_user_namespace()
            kernel.drop_capabilities()
            status = 0
        os._exit(status)
    _, status = os.waitpid(pid, 0)
    if status:
        raise BlockedError(Layer.USER_NS, "no user namespace can be made inside another")


def _move_to_first_process() -> None:
    pid = os.fork()
    if not pid:
        die_with_parent()
        return
    # Whoever holds the other ends must see them close when the first process ends.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _, status = os.waitpid(pid, 0)
    os._exit(abs(os.waitstatus_to_exitcode(status)))
