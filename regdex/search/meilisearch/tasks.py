"""Waits for tasks: Meilisearch accepts a change at once as a task, and executes it later or fails.

The library's own function handles two of five results, uses the wall clock, and requests one task at a time.
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from regdex.errors import Unavailable
from regdex.search.meilisearch.wire import Wire

# `lost`: the engine no longer has the task; the caller has to check whether it was executed.
End: TypeAlias = Literal["succeeded", "failed", "canceled", "lost"]
ENDS = frozenset(("succeeded", "failed", "canceled"))

FIRST_SECONDS = 0.05
LAST_SECONDS = 0.5
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a task. `code` and `kind` are the engine's for a failure; `invalid_request` is Regdex's fault."""

    end: End
    code: str = ""
    kind: str = ""
    message: str = ""

    def error(self) -> Unavailable:
        """Return the error to raise for a task that did not succeed."""
        return Unavailable(f"Meilisearch: a task {self.end}: {self.code} {self.message}".rstrip(": "))


class _Pause:
    """The pause between two requests for the state of tasks: it grows, and ends at a deadline."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._next_seconds = FIRST_SECONDS

    async def sleep(self, problem: str) -> None:
        """Sleep, longer each time. Raise Unavailable with `problem` after the deadline."""
        if time.monotonic() > self._deadline:
            raise Unavailable(problem)
        await asyncio.sleep(self._next_seconds)
        self._next_seconds = min(self._next_seconds * 1.5, LAST_SECONDS)


@dataclass(slots=True)
class Waiting:
    """Waits for tasks and keeps their ends by id. Raises Unavailable after `seconds`."""

    wire: Wire
    seconds: float
    ended: dict[int, Ended] = field(default_factory=dict)

    async def all_of(self, uids: Collection[int]) -> dict[int, Ended]:
        pause = _Pause(self.seconds)
        while left := [uid for uid in uids if uid not in self.ended]:
            await pause.sleep(f"Meilisearch has not finished {len(left)} tasks in {self.seconds:.0f} s")
            for at in range(0, len(left), AT_ONCE):
                await self._look(left[at : at + AT_ONCE])
        return {uid: self.ended[uid] for uid in uids}

    async def _look(self, uids: list[int]) -> None:
        answer = await self.wire.get("/tasks", uids=",".join(map(str, uids)), limit=len(uids))
        known = {task["uid"]: task for task in answer["results"]}
        for uid in uids:
            task = known.get(uid)
            if task is None:
                self.ended[uid] = Ended("lost")
            elif task["status"] in ENDS:
                error = task.get("error") or {}
                self.ended[uid] = Ended(
                    task["status"], error.get("code", ""), error.get("type", ""), str(error.get("message", ""))[:200]
                )


async def wait(wire: Wire, uids: Iterable[int], *, seconds: float) -> dict[int, Ended]:
    """Return how each of the tasks ended."""
    return await Waiting(wire, seconds).all_of(list(uids))


async def settle(wire: Wire, uid: int, *, seconds: float = 60) -> None:
    """Wait for one task. Raise Unavailable if it does not succeed."""
    ended = (await wait(wire, [uid], seconds=seconds))[uid]
    if ended.end != "succeeded":
        raise ended.error()


async def has_unfinished(wire: Wire, index: str) -> bool:
    """Return whether an index has unfinished tasks."""
    answer = await wire.get("/tasks", indexUids=index, statuses="enqueued,processing", limit=1)
    return bool(answer["results"])


async def settle_all(wire: Wire, index: str, *, seconds: float = 60) -> None:
    """Wait until an index has no unfinished tasks. A key for some indexes cannot see the task of a cancellation."""
    pause = _Pause(seconds)
    while await has_unfinished(wire, index):
        await pause.sleep(f"Meilisearch has not finished the tasks of {index} in {seconds:.0f} s")
