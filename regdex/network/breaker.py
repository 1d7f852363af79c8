"""What keeps an ailing peer from being asked too much: a breaker, and a budget of retries."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Breaker:
    """Closed, open, half-open. Opens after `threshold` failures in a row; then one probe at a time decides.

    Only faults of the peer are failures: no answer, or a 5xx. The pause doubles from `first_seconds` to `last_seconds`.
    """

    def __init__(
        self, *, threshold: int = 5, first_seconds: float = 2, last_seconds: float = 60, clock: Clock = time.monotonic
    ) -> None:
        self._threshold = threshold
        self._first_seconds = first_seconds
        self._last_seconds = last_seconds
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        return self._failures >= self._threshold

    def wait_seconds(self) -> float:
        """How long to wait before asking; 0: ask now. While a probe is out, everybody else waits a little."""
        if not self.is_open:
            return 0
        left = self._open_until - self._clock()
        if left > 0:
            return left
        return self._first_seconds if self._probing else 0

    def enter(self) -> None:
        """An attempt begins; it must end in `succeed`, `fail` or `abandon`."""
        self._probing = self.is_open

    def succeed(self) -> None:
        self._failures = 0
        self._probing = False

    def fail(self) -> None:
        if self.is_open and not self._probing:
            return  # began before it opened; has been counted enough
        self._probing = False
        self._failures += 1
        if self.is_open:
            doubled = self._first_seconds * 2 ** min(self._failures - self._threshold, 16)
            self._open_until = self._clock() + min(doubled, self._last_seconds)

    def trip(self) -> None:
        """Open, or stay open for longer, however few failures there were."""
        self._failures = max(self._failures, self._threshold - 1)
        self._probing = self.is_open
        self.fail()

    def abandon(self) -> None:
        """The attempt says nothing about the peer: it was cancelled, or failed for a reason of its own."""
        self._probing = False


class RetryBudget:
    """At most one retry for every ten requests, and a few to begin with: an outage is not amplified."""

    def __init__(self, *, share: float = 0.1, reserve: float = 10) -> None:
        self._share = share
        self._reserve = reserve
        self._balance = reserve

    def earn(self) -> None:
        self._balance = min(self._reserve, self._balance + self._share)

    def spend(self) -> bool:
        """True when a retry may be made."""
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
