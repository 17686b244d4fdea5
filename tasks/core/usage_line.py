"""metrics -> report: writes what the answers of a run took as one line, in a few digits."""

from collections.abc import Mapping

from tasks.core.json_value import JsonValue

_THOUSAND, _MILLION = 1_000, 1_000_000
_CENT = 0.01


def usage_line(document: Mapping[str, JsonValue]) -> str:
    """Say what the answers of a metrics document took; one without usage says nothing.

    Its entry `usage` is the run's of `usage_document`. What this start of the command spent is
    told apart where some answers were there already.
    """
    usage = _mapping(document.get("usage"))
    if not usage:
        return ""
    read, written = tokens_text(_tokens(usage, "input")), tokens_text(_tokens(usage, "output"))
    took = f"tokens: {read} in, {written} out{_cost_part(usage['cost'])}"
    return f"{took}{_fresh_part(usage)}{_latency_part(_mapping(usage['latency_s']))}"


def tokens_text(tokens: int) -> str:
    """Write a number of tokens with one decimal of thousands or millions."""
    if tokens < _THOUSAND:
        return str(tokens)
    # What would be written 1000.0 k is a million.
    if tokens < _MILLION - _THOUSAND // 20:
        return f"{tokens / _THOUSAND:.1f} k"
    return f"{tokens / _MILLION:.1f} M"


def cost_text(cost: float) -> str:
    """Write a cost with two decimals, or below a hundredth with two digits."""
    return f"{cost:.2g}" if 0 < cost < _CENT else f"{cost:.2f}"


def seconds_text(seconds: float) -> str:
    """Write seconds with two digits and from ten on whole, to the millisecond at most."""
    rounded = round(seconds, 3)
    # Two digits would make 1e+01 of 9.96.
    return f"{rounded:.2g} s" if rounded < 9.95 else f"{rounded:.0f} s"


def _fresh_part(usage: Mapping[str, JsonValue]) -> str:
    if not _mapping(usage["cached"])["generations"]:
        return ""
    fresh = _mapping(usage["fresh"])
    tokens = _tokens(fresh, "input") + _tokens(fresh, "output")
    return f" (fresh: {tokens_text(tokens)}{_cost_part(fresh['cost'])})"


def _cost_part(cost: JsonValue) -> str:
    return f", cost {cost_text(cost)}" if isinstance(cost, int | float) else ""


def _latency_part(latency: Mapping[str, JsonValue]) -> str:
    shown = [
        f"{name} {seconds_text(seconds)}"
        for name, seconds in latency.items()
        if name.startswith("p") and isinstance(seconds, int | float)
    ]
    return f" · latency {', '.join(shown)}" if shown else ""


def _tokens(counts: Mapping[str, JsonValue], side: str) -> int:
    tokens = counts[f"{side}_tokens"]
    return tokens if isinstance(tokens, int) else 0


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
