"""metrics -> report, while there are none yet: how far an evaluation is, as Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.core.json_value import JsonValue
from tasks.core.usage_line import usage_line

_MINUTE_S, _HOUR_S = 60, 3600


@dataclass(frozen=True, slots=True)
class Course:
    """How far an evaluation is.

    `counts` holds done and expected by what is counted, `usage` the run's entry of
    `usage_document`, `elapsed_s` the time since the start.
    """

    counts: Mapping[str, tuple[int, int]]
    usage: Mapping[str, JsonValue]
    elapsed_s: float

    @property
    def share(self) -> float:
        """How much of everything that is counted is done, from 0 to 1."""
        done, expected = (sum(numbers) for numbers in zip(*self.counts.values(), strict=True))
        return done / expected if expected else 0.0

    @property
    def left_s(self) -> float | None:
        """How long the rest will take, if it takes as long as what is done; None at the start."""
        return self.elapsed_s * (1 - self.share) / self.share if self.share else None


def course_markdown(course: Course) -> str:
    """Render how far an evaluation is."""
    rows = [f"| {name} | {done} | {total} |" for name, (done, total) in course.counts.items()]
    left = "" if course.left_s is None else f", about {time_text(course.left_s)} left"
    lines = [
        f"**{course.share:.0%}** after {time_text(course.elapsed_s)}{left}",
        "\n".join(["| | done | of |", "|---|---:|---:|", *rows]),
        usage_line({"usage": dict(course.usage)}),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def time_text(seconds: float) -> str:
    """Write a time in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
