"""What the verifier service has done, in Prometheus' text format."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tasks.core.records import Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "scicode_verifier"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Histogram:
    """Counts durations by upper bounds, in seconds."""

    def __init__(self, bounds: Sequence[float] = _SECONDS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    @property
    def mean(self) -> float:
        """The mean duration, 0 before the first one."""
        return self._sum / max(sum(self._counts), 1)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def samples(self, name: str) -> Iterable[str]:
        """Yield the lines of the histogram; a bucket counts everything up to its bound."""
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum}"
        yield f"{name}_count {total}"


class ServiceMetrics:
    """Counters of one service since its start."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._request_seconds = Histogram()
        self._program_seconds = Histogram()

    @property
    def mean_program_s(self) -> float:
        """The mean duration of the programs that ran."""
        return self._program_seconds.mean

    def count_request(self, status: int, seconds: float) -> None:
        """Count a request to verify by how it was answered; 499 is one whose caller went away."""
        self._requests[str(status)] += 1
        self._request_seconds.add(seconds)

    def count_verdict(self, verdict: Verdict, *, ran: bool) -> None:
        """Count a verdict, and its duration if a program ran."""
        self._verdicts[verdict.reason.value] += 1
        if ran:
            self._program_seconds.add(verdict.duration_s)

    def text(self, gauges: Mapping[str, tuple[str, int]]) -> str:
        """Return everything as text.

        Args:
            gauges: what is so at this moment: help text and value by name.
        """
        lines = [
            *_family("requests_total", "counter", "Requests to /verify by HTTP status."),
            *_labelled("requests_total", "status", self._requests),
            *_family("verdicts_total", "counter", "Verdicts on sub-steps by reason."),
            *_labelled("verdicts_total", "reason", self._verdicts),
            *_family("request_seconds", "histogram", "Time to answer a request to /verify."),
            *self._request_seconds.samples(f"{_PREFIX}_request_seconds"),
            *_family("program_seconds", "histogram", "Wall time of the programs that ran."),
            *self._program_seconds.samples(f"{_PREFIX}_program_seconds"),
        ]
        for name, (text, value) in gauges.items():
            lines += [*_family(name, "gauge", text), f"{_PREFIX}_{name} {value}"]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str) -> Iterable[str]:
    yield f"# HELP {_PREFIX}_{name} {text}"
    yield f"# TYPE {_PREFIX}_{name} {kind}"


def _labelled(name: str, label: str, counts: Mapping[str, int]) -> Iterable[str]:
    for value, count in sorted(counts.items()):
        yield f'{_PREFIX}_{name}{{{label}="{value}"}} {count}'
