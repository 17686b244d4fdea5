"""Names the layers of confinement and grades what they amount to together.

The one list of what a child can be confined by. A child reports each layer that is in force; a
level is read off those names, so one that a host cannot give is missing from the level too.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """One thing that keeps a program from more than computing."""

    SESSION = "session"  # a session and a process group of its own
    ENVIRONMENT = "environment"  # no variable of the evaluator
    PDEATHSIG = "pdeathsig"  # killed when its parent ends
    RLIMITS = "rlimits"  # CPU, core files, open files
    MEMORY = "memory"  # address space
    LANDLOCK = "landlock"  # no path may be written, few may be read
    SECCOMP = "seccomp"  # a deny-list of system calls; new processes are on it
    USER_NS = "user_ns"
    PID_NS = "pid_ns"
    NET_NS = "net_ns"
    IPC_NS = "ipc_ns"
    MOUNT_NS = "mount_ns"  # a file tree that holds nothing but what may be read
    PROCESSES = "processes"  # the number of threads, counted for this child alone
    UID = "uid"  # not the machine's root, nor able to become it


class Level(StrEnum):
    """What the layers amount to, from the strongest down."""

    FULL = "full"  # STRONG, namespaces, a limit on threads and no root
    STRONG = "strong"  # Landlock and seccomp
    ANY = "any"  # one of the two
    NONE = "none"


_CORE = frozenset({Layer.LANDLOCK, Layer.SECCOMP})
_FULL = _CORE | {
    *(Layer.USER_NS, Layer.PID_NS, Layer.NET_NS, Layer.IPC_NS),
    *(Layer.PROCESSES, Layer.UID, Layer.MEMORY),
}
_RANKS = tuple(reversed(Level))
_NAMESPACE_ADVICE = (
    "permit user namespaces (sysctl user.max_user_namespaces above 0, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container, a seccomp profile that "
    "admits unshare)"
)
_ADVICE = {
    Layer.LANDLOCK: "use Linux 5.13 or later with landlock in its lsm= list",
    Layer.SECCOMP: "use Linux on x86-64 or aarch64 with CONFIG_SECCOMP_FILTER",
    Layer.USER_NS: _NAMESPACE_ADVICE,
    Layer.PID_NS: _NAMESPACE_ADVICE,
    Layer.NET_NS: _NAMESPACE_ADVICE,
    Layer.IPC_NS: _NAMESPACE_ADVICE,
    Layer.PROCESSES: _NAMESPACE_ADVICE,
    Layer.UID: (
        "start as an ordinary user, or install the interpreter where every user may read it"
    ),
    Layer.MEMORY: "use Linux, which limits the address space",
}


class BlockedError(Exception):
    """The host refuses a layer at a point where a process cannot go back and do without."""

    def __init__(self, layer: Layer, reason: str) -> None:
        super().__init__(reason)
        self.layer = layer


@dataclass(frozen=True, slots=True)
class LevelReport:
    """The level that a host gives, the layers in force, and what keeps it from `full`."""

    level: Level
    layers: tuple[str, ...]
    missing: tuple[Layer, ...] = ()
    advice: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say all of it in one line."""
        if not self.missing:
            return f"isolation {self.level}"
        return (
            f"isolation {self.level} (missing {', '.join(self.missing)}); "
            f"to raise it: {'; '.join(self.advice)}"
        )


def grade(layers: Collection[str]) -> Level:
    """Tell the level that these layers amount to."""
    present = _CORE.intersection(layers)
    if present == _CORE:
        return Level.FULL if _FULL.issubset(layers) else Level.STRONG
    return Level.ANY if present else Level.NONE


def report_level(layers: Iterable[str]) -> LevelReport:
    """Grade the layers that a child reported, with what is missing and what would help."""
    names = tuple(layers)
    missing = tuple(layer for layer in Layer if layer in _FULL and layer not in names)
    advice = tuple(dict.fromkeys(_ADVICE[layer] for layer in missing))
    return LevelReport(grade(names), names, missing, advice)


def reaches(level: Level, required: Level) -> bool:
    """Whether a level is at least the required one."""
    return rank(level) >= rank(required)


def rank(level: Level) -> int:
    """Order levels, the weakest first."""
    return _RANKS.index(level)
