"""program -> verdict: where programs run, as a verifier sees it: this machine, or several.

A runner decides nothing but single runs: what is repeated, remembered and ruled is the verifier's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from tasks.core.records import Environment, Limits, Problem, Verdict
from tasks.sandbox.layers import Level, LevelReport


@dataclass(frozen=True, slots=True)
class Work:
    """One run of one program.

    `fenced` is false if the candidate stood in no code block: its syntax error is then `no_code`.
    """

    environment: str
    step_id: str
    program: str
    fenced: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What programs may use and must bear, wherever they run.

    `step_limits` take the place of `limits` for some sub-steps; below the level `required` nothing
    runs; `reveal` lets details quote targets.
    """

    limits: Limits
    step_limits: Mapping[str, Limits] = field(default_factory=lambda: MappingProxyType({}))
    required: Level = Level.STRONG
    reveal: bool = False

    def limits_of(self, step_id: str) -> Limits:
        """Return what programs of a sub-step may use."""
        return self.step_limits.get(step_id, self.limits)


class Runner(Protocol):
    """Runs programs and has them judged; what it tells of itself holds once it is entered."""

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where programs run."""
        ...

    @property
    def isolation(self) -> LevelReport:
        """The confinement that programs have, the weakest of all places'."""
        ...

    @property
    def blas_core(self) -> str | None:
        """The processor that programs' OpenBLAS computes for."""
        ...

    @property
    def judge_libraries(self) -> tuple[str, ...]:
        """The versions of what compares."""
        ...

    async def __aenter__(self) -> Self:
        """Start what is needed.

        Raises:
            SandboxError: programs cannot run as they must.
        """
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; no child survives."""
        ...

    async def run(self, work: Work) -> Verdict:
        """Run a program once and have the judge decide.

        Raises:
            SandboxError: there is no verdict.
        """
        ...

    async def find_unimportable(self, problems: Iterable[Problem]) -> dict[str, str]:
        """Return the problems whose dependencies are missing in every environment, and why."""
        ...
