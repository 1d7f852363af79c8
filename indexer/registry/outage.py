"""Distinguishes the failure of a registry from the failure of one repository or one URL in it.

Requests for a damaged tag fail with 500 permanently, which must not stop reading the other tags. The breaker therefore
opens when no connection can be made, or when several repositories fail one after the other. When one repository fails
repeatedly, it opens only if `/v2/` fails as well.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from regdex.network.breaker import Breaker

MAX_FAILING = 10_000


class Outage:
    """Reports to one registry's breaker. Requests `/v2/` by `answers` after every `patience` repeated failures."""

    def __init__(self, breaker: Breaker, answers: Callable[[], Awaitable[bool]], *, patience: int) -> None:
        self._breaker = breaker
        self._answers = answers
        self._patience = patience
        self._failing: OrderedDict[str, None] = OrderedDict()
        self._repeated = 0

    def succeed(self, scope: str) -> None:
        """Note that a request within `scope`, a repository or the catalog, was answered."""
        self._failing.pop(scope, None)
        self._repeated = 0
        self._breaker.succeed()

    async def fail(self, scope: str) -> None:
        """Note that a request within `scope` was answered with 5xx, or not in time."""
        is_new = scope not in self._failing
        self._failing[scope] = None
        self._failing.move_to_end(scope)
        if len(self._failing) > MAX_FAILING:
            self._failing.popitem(last=False)
        if is_new:
            self._breaker.fail()
            return
        self._repeated += 1
        if not self._breaker.is_open and self._repeated < self._patience:
            self._breaker.abandon()
            return
        self._repeated = 0
        try:
            is_up = await self._answers()
        except BaseException:
            self._breaker.abandon()
            raise
        if not is_up:
            self._breaker.trip()
        elif self._breaker.is_open:
            self._breaker.succeed()
        else:
            self._breaker.abandon()

    def cannot_connect(self) -> None:
        self._breaker.fail()
