"""program -> verdict: the name under which a verdict is kept, and which verdicts are.

The key covers everything that changes a verdict and nothing else: no path, run or secret enters it,
so that a verdict is found again from another process or folder. The level of confinement is not in
it, since more of it is as good: see `tasks.verdict_cache`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tasks.core.records import Limits, Reason, Verdict
from tasks.core.splitting.split import SplitCase

JUDGE_VERSION = 2
"""Raised when the same shipped values may be judged differently than before.

That is a change of the comparators, of the judge's guards against vacuous or endless comparisons,
of how values are decoded, of the reasons, or of what `detail` says. Not a change of how cases are
cut: their parts are in the key themselves.
"""

SANDBOX_VERSION = 1
"""Raised when the same program may ship other values, or end otherwise, than before.

That is a change of what the child imports, seeds or defines before the program, of how it encodes
values, of what the sandbox denies, or of how an ending is told. Not a change of limits or of the
libraries: they are in the key themselves.
"""

# `unscored` is no verdict; `killed` may have been the host's doing.
_FLEETING = frozenset({Reason.UNSCORED, Reason.KILLED, Reason.CONTEXT_OVERFLOW})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What one run verifies all its programs under.

    `environment_sha256` names what is installed where the programs run, and `blas_core` the
    processor that their OpenBLAS computes for; `judge_libraries` are the versions that compare;
    `reveal_targets` tells whether `detail` may hold values of the target.
    """

    environment_sha256: str
    limits: Limits
    reveal_targets: bool = False
    blas_core: str | None = None
    judge_libraries: tuple[str, ...] = ()


def verdict_key(
    program: str,
    cases: Sequence[SplitCase],
    target_sha256: str,
    conditions: Conditions,
    *,
    fenced: bool = True,
    try_index: int = 0,
) -> str:
    """Name one verdict: the sha256, in hex, of everything that changes it.

    Args:
        program: the full source; it may hold lone surrogates.
        cases: both parts of the sub-step's cases, in order.
        target_sha256: the digest of the sub-step's targets.
        conditions: the run's.
        fenced: false if the candidate stood in no code block, as far as that is known: its syntax
            error is then `no_code`.
        try_index: tells the tries of a verification that is repeated apart, from 0: each is run.
    """
    parts = {
        "judge_version": JUDGE_VERSION,
        "sandbox_version": SANDBOX_VERSION,
        "program_sha256": hashlib.sha256(_encode(program)).hexdigest(),
        "cases": [asdict(case) for case in cases],
        "target_sha256": target_sha256,
        "environment_sha256": conditions.environment_sha256,
        # One spelling of each number: 60 and 60.0 are the same limit.
        "limits": {name: float(value) for name, value in asdict(conditions.limits).items()},
        "reveal_targets": conditions.reveal_targets,
        "blas_core": conditions.blas_core,
        "judge_libraries": conditions.judge_libraries,
        "fenced": fenced,
        "try_index": try_index,
    }
    # Not as ASCII: there, two lone surrogates look like the one character that they would make up.
    canonical = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(_encode(canonical)).hexdigest()


def is_lasting(verdict: Verdict) -> bool:
    """Whether a verdict may be kept: another run of the same program would come to the same.

    Kept is what the program itself brought about, and what the judge said of it; a timeout too, as
    the limits are part of the key. Never kept: `unscored`,
    which is no verdict; `killed`, since the host may have done it; `context_overflow` and whatever
    else never ran, which costs nothing; what came from the cache; and what sums up several
    verifications, each of which is kept by itself.
    """
    alone = not verdict.cached and not verdict.environments and not verdict.tries
    return alone and bool(verdict.layers) and verdict.reason not in _FLEETING


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
