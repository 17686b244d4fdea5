"""Takes from a process every way to a path but reading the named ones: the Landlock layer.

Written on the plain system calls, since it runs in whatever interpreter a pool is given, with
nothing but the standard library there.
"""

import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.sandbox import kernel

WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3

_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_FILE_RIGHTS = WRITE_FILE | READ_FILE
# Rights on files that each version of the interface knows: 1 to 13, then linking and renaming
# across folders, truncating, device controls.
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
_NET_VERSION = 4
_NET_RIGHTS = 0b11  # bind and connect
_SCOPE_VERSION = 6
_SCOPES = 0b11  # abstract sockets and signals of others


@dataclass(frozen=True, slots=True)
class Rule:
    """An open path and the rights at and below it; a path may be closed once in force."""

    descriptor: int
    rights: int


def read_version() -> int:
    """Ask for the version of the interface, 0 where the kernel has none."""
    try:
        return kernel.syscall(_SYS_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def open_rule(path: str, rights: int, *, follow: bool = True) -> Rule | None:
    """Hold a path for a rule; None if it is not there, or is a link that is not to be followed."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(mode):
        os.close(descriptor)
        return None
    return Rule(descriptor, rights if stat.S_ISDIR(mode) else rights & _FILE_RIGHTS)


def restrict(rules: Iterable[Rule], version: int) -> None:
    """Confine this process and all that it starts, for good; needs `no_new_privs`."""
    ruleset = kernel.syscall(_SYS_CREATE_RULESET, *_attributes(version), 0)
    try:
        for rule in rules:
            beneath = struct.pack("=Qi", rule.rights, rule.descriptor)
            kernel.syscall(_SYS_ADD_RULE, ruleset, _PATH_BENEATH, beneath, 0)
        kernel.syscall(_SYS_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _attributes(version: int) -> tuple[bytes, int]:
    rights = (1 << max(count for since, count in _RIGHTS.items() if since <= version)) - 1
    words = [rights]
    if version >= _NET_VERSION:
        words.append(_NET_RIGHTS)
    if version >= _SCOPE_VERSION:
        words.append(_SCOPES)
    data = struct.pack(f"={len(words)}Q", *words)
    return data, len(data)
