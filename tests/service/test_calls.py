"""Calls are bounded in time and in number, and what the process cache keeps is bounded too."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from multidict import CIMultiDict

from regdex.errors import Unavailable
from service import calls as module
from service.auth import Gate
from service.caller import Caller, Scope
from service.calls import Calls
from service.operations import OPERATIONS, Operation
from service.rest.answers import Answer, Cache

CALLER = Caller(scope=Scope.ADMIN)


def operation(run: Any) -> Operation:
    return replace(next(one for one in OPERATIONS if one.method == "ListRegistries"), run=run)


def make_calls() -> Calls:
    return Calls("test", None, Gate(None))  # type: ignore[arg-type] - neither is asked


async def never(*_: Any) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def at_once(*_: Any) -> dict[str, Any]:
    return {"registries": []}


async def test_a_call_that_takes_too_long_is_ended_and_the_next_is_not() -> None:
    calls = make_calls()
    with pytest.raises(Unavailable):
        await calls.run(operation(never), CALLER, {}, seconds=0.05)
    await asyncio.sleep(2 * module.SWEEP_SECONDS)
    assert (await calls.run(operation(at_once), CALLER, {})).content == {"registries": []}


async def test_a_caller_who_leaves_is_no_timeout() -> None:
    calls = make_calls()
    task = asyncio.create_task(calls.run(operation(never), CALLER, {}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_more_than_may_run_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONCURRENT", 1)
    calls = make_calls()
    first = asyncio.create_task(calls.run(operation(never), CALLER, {}, seconds=0.05))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many"):
        await calls.run(operation(at_once), CALLER, {})
    with pytest.raises(Unavailable):
        await first
    assert (await calls.run(operation(at_once), CALLER, {})).content == {"registries": []}


def test_the_cache_forgets_what_is_not_fresh_any_more() -> None:
    cache = Cache(fresh_seconds=1000.0)
    answer = Answer(b"{}", '"tag"', CIMultiDict())
    for number in range(10):
        cache.put((f"/{number}", ""), number * 1001.0, answer)
    kept = [number for number in range(10) if (f"/{number}", "") in {**cache._older, **cache._answers}]
    assert kept == [8, 9]
