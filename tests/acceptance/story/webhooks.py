"""A proxy between a registry's notifications and Regdex that loses, refuses, repeats, delays and reorders deliveries.

What happens to a delivery follows from the seed, from what its event is about and from how often that came before, so
that a story told again meets the same faults though its clients take turns differently. Its clock shifts the times
within the deliveries; a delivery keeps the shift of its first arrival.
"""

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

from tests.acceptance.story.events import Told, read_event, shift_time
from tests.harness.registries import free_port

# Requests of the story's own: the registry tells of them, too, and Regdex is not to learn from them.
OWN_AGENT = "regdex-story"

FAULTS = {"passed": 40, "swallowed": 8, "refused": 10, "repeated": 12, "delayed": 14, "reordered": 16}
LONG_DELAY = "held to the end"
REORDERED_WITHIN_SECONDS = 2.0
AGAIN_SECONDS = 0.1
FORWARDED = ("Authorization", "Content-Type", "User-Agent")


class WebhookProxy:
    """Listens at `url`. `events` is the log of all that came, in order of arrival; `clock_shift` may be set any time.

    While `is_deaf` everything is swallowed. Without `faults` each delivery is passed on at once, and the registry gets
    Regdex's own answer.
    """

    def __init__(self, seed: int, *, faults: bool) -> None:
        self._seed = seed
        self._faults = faults
        self.url = f"http://127.0.0.1:{free_port()}/notify"
        self.target = ""
        self.clock_shift = timedelta(0)
        self.is_deaf = False
        self.events: list[Told] = []
        self._known: dict[str, Told] = {}
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._barriers: dict[str, asyncio.Event] = {}
        self._refusals_left: Counter[str] = Counter()
        self._pass_counts: Counter[str] = Counter()
        self._released = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/notify", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        host, port = self.url.removeprefix("http://").removesuffix("/notify").split(":")
        await web.TCPSite(self._runner, host, int(port)).start()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        await self._session.close()

    async def release(self) -> None:
        """Deliver what is held, at once, and wait until Regdex has accepted all of it."""
        self._released.set()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def expect(self, agent: str) -> asyncio.Event:
        """Set once an event of a request by this user agent arrives: the registry sends in order, so that by then all
        that happened before has arrived, too."""
        return self._barriers.setdefault(agent, asyncio.Event())

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        items = [item for item in orjson.loads(body)["events"] if not self._is_own(item)]
        if not items:
            return web.Response()
        events = [self._known.get(item["id"]) or self._note(item) for item in items]
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        if self._refusals_left[events[0].id] > 0:
            return self._refuse(events[0])
        return await self._treat(events, _shifted(items, events), headers)

    def _is_own(self, item: dict[str, Any]) -> bool:
        agent = (item.get("request") or {}).get("useragent") or ""
        if agent in self._barriers:
            self._barriers.pop(agent).set()
        return agent.startswith(OWN_AGENT)

    def _note(self, item: dict[str, Any]) -> Told:
        event = read_event(item)
        event.shift = self.clock_shift
        self._known[event.id] = event
        self.events.append(event)
        return event

    async def _treat(self, events: list[Told], body: bytes, headers: dict[str, str]) -> web.Response:
        first = events[0]
        if self.is_deaf:
            self._decide(events, "swallowed before Regdex ran", swallowed=True)
            return web.Response()
        if not self._faults:
            self._decide(events, "passed")
            return web.Response(status=await self._deliver(events, body, headers))
        if first.fate:  # refused before, and now let through
            await self._deliver_surely(events, body, headers)
            return web.Response()
        key = (first.action, first.repository, first.tag, first.digest)
        self._counts[key] += 1
        random = Random(f"{self._seed}:{key}:{self._counts[key]}")
        fault = random.choices(list(FAULTS), weights=list(FAULTS.values()))[0]
        if fault == "swallowed":
            self._decide(events, "swallowed", swallowed=True)
        elif fault == "refused":
            self._decide(events, "refused")
            self._refusals_left[first.id] = random.randint(1, 3)
            return self._refuse(first)
        elif fault == "repeated":
            pauses = [random.uniform(0, 4) for _ in range(random.randint(1, 3))]
            self._decide(events, f"repeated {len(pauses)} times")
            await self._deliver_surely(events, body, headers)
            for pause in pauses:
                self._later(self._after(pause, events, body, headers))
        elif fault == "delayed" and random.random() < 0.1:
            self._decide(events, LONG_DELAY)
            self._later(self._after(10**6, events, body, headers))
        elif fault == "delayed":
            pause = random.uniform(0.3, 5)
            self._decide(events, f"delayed {pause:.1f} s")
            self._later(self._after(pause, events, body, headers))
        elif fault == "reordered":
            others = random.randint(1, 4)
            self._decide(events, f"reordered behind {others} of its repository")
            self._later(self._behind(others, events, body, headers))
        else:
            self._decide(events, "passed")
            await self._deliver_surely(events, body, headers)
        return web.Response()

    def _refuse(self, event: Told) -> web.Response:
        """The registry tries again."""
        self._refusals_left[event.id] -= 1
        event.refusals += 1
        return web.Response(status=503)

    def _decide(self, events: list[Told], fate: str, *, swallowed: bool = False) -> None:
        for event in events:
            event.fate = fate
            event.swallowed = swallowed

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after(self, seconds: float, events: list[Told], body: bytes, headers: dict[str, str]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), seconds)
        await self._deliver_surely(events, body, headers)

    async def _behind(self, others: int, events: list[Told], body: bytes, headers: dict[str, str]) -> None:
        """Wait until as many other deliveries of the repository have overtaken this one, or too long."""
        repository = events[0].repository
        until = self._pass_counts[repository] + others
        waited = 0.0
        while self._pass_counts[repository] < until and waited < REORDERED_WITHIN_SECONDS:
            if self._released.is_set():
                break
            await asyncio.sleep(0.02)
            waited += 0.02
        await self._deliver_surely(events, body, headers)

    async def _deliver_surely(self, events: list[Told], body: bytes, headers: dict[str, str]) -> None:
        while await self._deliver(events, body, headers) != 202:  # noqa: ASYNC110 - another process, nothing to wait on
            await asyncio.sleep(AGAIN_SECONDS)

    async def _deliver(self, events: list[Told], body: bytes, headers: dict[str, str]) -> int:
        """Regdex's status; 503 where it does not answer."""
        try:
            async with self._session.post(self.target, data=body, headers=headers) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError):
            return 503
        if response.status == 202:
            for event in events:
                event.deliveries.append(datetime.now(UTC))
            self._pass_counts[events[0].repository] += 1
        return response.status


def _shifted(items: list[dict[str, Any]], events: list[Told]) -> bytes:
    return orjson.dumps(
        {
            "events": [
                {**item, "timestamp": shift_time(item["timestamp"], event.shift)}
                for item, event in zip(items, events, strict=True)
            ]
        }
    )
