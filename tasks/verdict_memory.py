"""verdict -> verdict: what a verifier remembers of earlier verifications under its conditions."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.records import Candidate
from tasks.core.splitting.split import SplitCase
from tasks.core.verdict_keys import Conditions, verdict_key
from tasks.verdict_cache import VerdictCache


@dataclass(frozen=True, slots=True)
class Verification:
    """One run of one program: what is verified, and the try that it is."""

    step_id: str
    program: str
    candidate: Candidate | None
    cases: tuple[SplitCase, ...]
    try_index: int = 0


@dataclass(frozen=True, slots=True)
class VerdictMemory:
    """Kept verdicts, and the digests of the targets that they belong to, by sub-step."""

    cache: VerdictCache
    digests: Mapping[str, str]

    def key(self, work: Verification, conditions: Conditions) -> str:
        """Return the key that the verdict of a program is kept under."""
        return verdict_key(
            work.program,
            work.cases,
            self.digests[work.step_id],
            conditions,
            fenced=work.candidate is None or work.candidate.fenced,
            try_index=work.try_index,
        )
