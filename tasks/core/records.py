"""The nouns of the arrow line: frozen records that one stage hands to the next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Given(StrEnum):
    """How much of a given sub-step's text enters the chain."""

    WHOLE = "whole"
    EXTRACTED = "extracted"


class Extraction(StrEnum):
    """How the candidate is taken out of a generation."""

    OFFICIAL = "official"
    ROBUST = "robust"


class Scored(StrEnum):
    """Which sub-steps count: all that have cases, or only those that have targets too."""

    ALL = "all"
    WITH_TARGETS = "with-targets"


class FinishReason(StrEnum):
    """Why a generation ended."""

    STOP = "stop"
    LENGTH = "length"
    OVERLONG = "overlong"  # the prompt did not fit into the model's context
    OTHER = "other"


class Reason(StrEnum):
    """Why a verdict is what it is."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong_answer"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    KILLED = "killed"
    NO_CODE = "no_code"
    CONTEXT_OVERFLOW = "context_overflow"
    BAD_VALUE = "bad_value"
    VIOLATION = "violation"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True)
class SubStep:
    """One part of a problem.

    `cases` are the check sources in order, empty for a given sub-step; `given` is the code that
    the benchmark supplies, None where the model writes it; `gold` is the reference code, if any.
    """

    step_id: str
    description: str
    background: str
    function_header: str
    return_line: str | None
    cases: tuple[str, ...]
    gold: str | None = None
    given: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One SciCode main problem with its sub-steps in order."""

    problem_id: str
    name: str
    dependencies: str
    sub_steps: tuple[SubStep, ...]


@dataclass(frozen=True, slots=True)
class StepKey:
    """Identity of one generation and of its verdict; orders as the files are written."""

    problem_id: str
    repeat: int
    step_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one generation as the endpoint counted them."""

    input_tokens: int
    output_tokens: int

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        """Return the tokens of both."""
        return Usage(
            self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens
        )


@dataclass(frozen=True, slots=True)
class Generation:
    """What came back for one prompt; `reasoning` never reaches the candidate.

    `shortened_to` is the limit on output tokens that was sent because the settings' own did not fit
    beside the prompt, 0 where none was sent for that reason, None where it fitted.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    latency_s: float
    reasoning: str | None = None
    shortened_to: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Code extracted from a generation; `fenced` tells whether it stood in a code block."""

    code: str
    fenced: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we conclude about one program.

    `detail` is for a person (at most 2000 characters), `duration_s` the wall time of the child,
    `layers` the confinement that was in force, `cached` whether an earlier run's verdict was taken.
    `environments` holds each environment's reason by its name, `tries` the reasons of all tries
    where a verification was repeated; both are empty where there was one only. `inherited_from`
    names the earlier sub-step whose own failure made this one fail, None for an own failure.
    """

    reason: Reason
    detail: str = ""
    duration_s: float = 0.0
    layers: tuple[str, ...] = ()
    cached: bool = False
    environments: tuple[tuple[str, Reason], ...] = ()
    tries: tuple[Reason, ...] = ()
    inherited_from: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every case of the sub-step held."""
        return self.reason is Reason.PASSED


OVERFLOW = Verdict(
    Reason.CONTEXT_OVERFLOW,
    "the prompt of this or of an earlier sub-step did not fit into the model's context",
)


@dataclass(frozen=True, slots=True)
class StepResult:
    """A scored sub-step of one attempt, with what the metrics take from its verdict."""

    step_id: str
    reason: Reason
    inherited_from: str | None = None
    environments: tuple[tuple[str, Reason], ...] = ()
    tries: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, step_id: str, verdict: Verdict) -> Self:
        """Take what counts of a verdict."""
        return cls(
            step_id,
            verdict.reason,
            verdict.inherited_from,
            verdict.environments,
            verdict.tries,
        )

    @property
    def passed(self) -> bool:
        """Whether every case of the sub-step held."""
        return self.reason is Reason.PASSED


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One repeat of one problem: its scored sub-steps, and the tokens of all its generations."""

    problem_id: str
    repeat: int
    steps: tuple[StepResult, ...]
    usage: Usage

    @property
    def num_passed(self) -> int:
        """Scored sub-steps that passed."""
        return sum(step.passed for step in self.steps)

    @property
    def solved(self) -> bool:
        """Whether the attempt has scored sub-steps and every one of them passed."""
        return bool(self.steps) and self.num_passed == len(self.steps)


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python that runs programs; `sha256` names what is installed in it."""

    name: str
    python: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ChildCase:
    """What the child runs for one case: statements, then expressions whose values it ships.

    The values of one case make one frame, in the order of `ships`.
    """

    source: str
    ships: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """One program and the child parts of its cases, run in order in one namespace.

    Both are source text. Without cases the program is only run, and no frame comes back.
    """

    program: str
    cases: tuple[ChildCase, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use; a program that is still running after either time is ended.

    `cpu_s` is processor time, so that a verdict does not depend on load; `wall_s` is the outer
    guard for programs that sleep; both are seconds. `memory_bytes` is the address space that a
    program may add to its interpreter's; `frame_bytes` caps all values that a child ships together.
    """

    cpu_s: float = 1800.0
    wall_s: float = 5400.0
    memory_bytes: int = 8 * 2**30
    frame_bytes: int = 256 * 2**20


class Ending(StrEnum):
    """How a child ended, as far as the sandbox saw it."""

    COMPLETED = "completed"
    RAISED = "raised"
    SYNTAX_ERROR = "syntax_error"  # the program itself does not compile
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"  # it ended without saying how: a signal, os._exit, a crash
    UNSHIPPABLE = "unshippable"  # a value of a kind that does not cross the boundary
    OVERSIZED = "oversized"  # more bytes than Limits.frame_bytes
    GARBLED = "garbled"  # bytes that are not the protocol


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the sandbox saw: the ending, and one undecoded frame for each case that shipped.

    Frames are in the order of the cases; there are fewer than cases unless the ending is COMPLETED.
    `duration_s` is wall clock with the child's start, `cpu_s` its processor time, both in seconds.
    `violation` tells that the program failed after it tried something that the sandbox denies;
    `peak_bytes` is its memory in use at most; `signal` is what the kernel says ended the child, 0
    for none, also where the sandbox sent it.
    """

    ending: Ending
    frames: tuple[bytes | bytearray, ...]
    detail: str
    duration_s: float
    layers: tuple[str, ...] = ()
    cpu_s: float = 0.0
    peak_bytes: int = 0
    violation: bool = False
    signal: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """A generation, and whether it came from the cache."""

    generation: Generation
    cached: bool
