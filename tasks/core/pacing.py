"""prompt -> generation: spreads what is sent evenly over time, below a limit for each minute."""

from dataclasses import dataclass

_MINUTE_S = 60.0


@dataclass(slots=True)
class Pace:
    """A limit for each minute; amounts are requests or tokens, times seconds of any one clock.

    Amounts are let through one after another, each as soon as those before it have had their time
    at the limit's rate: no minute holds more than the limit and one amount.
    """

    per_minute: float
    free_at_s: float = 0.0

    def reserve(self, amount: float, now_s: float) -> float:
        """Take a place in the order, and return how many seconds to wait for it."""
        start_s = max(now_s, self.free_at_s)
        self.free_at_s = start_s + self._time_s(amount)
        return start_s - now_s

    def correct(self, amount: float) -> None:
        """Add what was used beyond what was reserved; less than nothing gives some back."""
        self.free_at_s += self._time_s(amount)

    def _time_s(self, amount: float) -> float:
        return amount * _MINUTE_S / self.per_minute
