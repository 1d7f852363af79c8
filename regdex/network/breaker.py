"""A circuit breaker and a retry budget: both limit the requests to a peer that fails."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Breaker:
    """A circuit breaker: opens after `threshold` failures in a row, then lets one probe through at a time.

    The caller reports as failures only faults of the peer: no answer, or a 5xx. A probe that succeeds closes the
    breaker. The pause between probes doubles from `first_seconds` to `last_seconds`.
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
        """Return the seconds to wait before the next attempt; 0 if none. While a probe runs, all others wait."""
        if not self.is_open:
            return 0
        left = self._open_until - self._clock()
        if left > 0:
            return left
        return self._first_seconds if self._probing else 0

    def enter(self) -> None:
        """Begin an attempt. Every attempt must end with `succeed`, `fail` or `abandon`."""
        self._probing = self.is_open

    def succeed(self) -> None:
        self._failures = 0
        self._probing = False

    def fail(self) -> None:
        if self.is_open and not self._probing:
            return  # an attempt from before the breaker opened does not count again
        self._probing = False
        self._failures += 1
        if self.is_open:
            doubled = self._first_seconds * 2 ** min(self._failures - self._threshold, 16)
            self._open_until = self._clock() + min(doubled, self._last_seconds)

    def trip(self) -> None:
        """Open at once, or stay open for longer, whatever the number of failures."""
        self._failures = max(self._failures, self._threshold - 1)
        self._probing = self.is_open
        self.fail()

    def abandon(self) -> None:
        """End an attempt that says nothing about the peer: it was cancelled, or failed for another reason."""
        self._probing = False


class RetryBudget:
    """Allows one retry for ten requests, and `reserve` retries at first, so that retries do not amplify an outage."""

    def __init__(self, *, share: float = 0.1, reserve: float = 10) -> None:
        self._share = share
        self._reserve = reserve
        self._balance = reserve

    def earn(self) -> None:
        self._balance = min(self._reserve, self._balance + self._share)

    def spend(self) -> bool:
        """Return whether a retry is allowed, and take it from the budget."""
        if self._balance < 1:
            return False
        self._balance -= 1
        return True
