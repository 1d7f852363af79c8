"""Tells a story: its steps by real clients, through faults or none, while Regdex is asked what it knows."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

from cli import embedded
from tests.acceptance.stack import Regdex, eventually, stretched
from tests.acceptance.story.asking import REGISTRY, Asked, Questioner
from tests.acceptance.story.clients import Clients
from tests.acceptance.story.events import Told, about_manifest, about_tag
from tests.acceptance.story.judging import Verdict, Wrong, judge
from tests.acceptance.story.registry_proxy import RegistryProxy
from tests.acceptance.story.steps import Author, Step
from tests.acceptance.story.truth import Truth
from tests.acceptance.story.webhooks import WebhookProxy
from tests.harness.registries import DockerRegistry

BARRIER_REPOSITORY = "story/barrier"
CLIENTS_AT_ONCE = 4
# How long what Regdex has accepted may take until answers show it.
LAG_SECONDS = 2.0
# As above at the end, where questions to the registry that wait their 6 s are answered, too.
SETTLE_SECONDS = 15.0
RUN_SECONDS = 120.0
# So many wrong answers fail the story; it then goes on without looks, each of which would wait for a right answer.
MAX_WRONG = 100
PICKED_TAGS = 2
PICKED_DIGESTS = 3
PHASES = 8
SHIFTS = (timedelta(0), timedelta(hours=1), timedelta(0), timedelta(hours=-1))


@dataclass
class Played:
    """What a story found: answers while it was told, and once everything that was held had been told."""

    during: Asked = field(default_factory=Asked)
    at_end: Asked = field(default_factory=Asked)
    verdicts: Counter[str] = field(default_factory=Counter)
    longest_lag: float = 0.0
    seconds: float = 0.0
    refused_runs: list[str] = field(default_factory=list)


class Stage:
    """A registry, Regdex, and what stands between them; `played` is filled as the story is told."""

    def __init__(
        self,
        seed: int,
        author: Author,
        registry: DockerRegistry,
        webhooks: WebhookProxy,
        proxy: RegistryProxy,
        regdex: Regdex,
        truth: Truth,
        clients: Clients,
    ) -> None:
        self.author = author
        self.registry = registry
        self.webhooks = webhooks
        self.regdex = regdex
        self.truth = truth
        self.played = Played()
        self._seed = seed
        self._proxy = proxy
        self._clients = clients

    @property
    def api(self) -> Any:
        return self.regdex.apis[0]

    @property
    def questioner(self) -> Questioner:
        return Questioner(self.api, self.registry.host, self.deeply_read_at)

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask Regdex's own database."""
        url = embedded.connect_url(self.regdex.directory / "regdex-data")
        assert url is not None
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    async def deeply_read_at(self) -> datetime | None:
        """When manifests that no tag points to were last looked at."""
        ((read_at,),) = await self.fetch("SELECT deeply_read_at FROM registry")
        return None if read_at is None else max(read_at, datetime(2000, 1, 1, tzinfo=UTC))

    async def read_deeply(self) -> None:
        """Have the registry read as it is once a week, with manifests that no tag leads to; notes runs that failed."""
        await self._wait_for_runs()
        await self.fetch("UPDATE registry SET deeply_read_at = now() - interval '8 days'")
        await self.api.ask("StartBackfill", registry=REGISTRY)
        await self._wait_for_runs()
        rows = await self.fetch("SELECT state, message FROM backfill WHERE state IN ('partial', 'failed')")
        self.played.refused_runs = [f"{row['state']}: {row['message']}" for row in rows]

    async def take(
        self, steps: Sequence[Step], *, shifts: Sequence[timedelta] = (), reads_at: Sequence[int] = ()
    ) -> None:
        """Take steps, those of one repository in turn; the clocks change from one part of the story to the next.

        `reads_at` are numbers of steps (from the first of these) at which Regdex is asked to read the registry, while
        the story goes on.
        """
        began = time.monotonic()
        last: dict[str, asyncio.Task[None]] = {}
        slots = asyncio.Semaphore(CLIENTS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for number, step in enumerate(steps):
                if shifts:
                    shift = shifts[number * len(shifts) // len(steps)]
                    self.webhooks.clock_shift = self._proxy.clock_shift = shift
                if number in reads_at:
                    await self.api.ask("StartBackfill", registry=REGISTRY)
                await slots.acquire()
                before = [last[name] for name in step.repositories if name in last]
                task = group.create_task(self._take(step, before, slots))
                last |= dict.fromkeys(step.repositories, task)
        self.played.seconds += time.monotonic() - began

    async def _take(self, step: Step, before: Sequence[asyncio.Task[None]], slots: asyncio.Semaphore) -> None:
        try:
            await asyncio.gather(*before)
            if step.does == "look":
                await self._look(step)
            else:
                await self._clients.take(step)
        except AssertionError as error:
            error.add_note(str(step))
            raise
        finally:
            slots.release()

    async def _look(self, step: Step) -> None:
        """Nobody changes the repository meanwhile, so that what the registry says is true for as long as this takes."""
        if len(self.played.during.wrong) > MAX_WRONG:
            return
        await self.truth.barrier(self.webhooks, BARRIER_REPOSITORY)
        random = Random(f"{self._seed}:{step.number}")
        tags = await self.truth.tags(step.repository)
        events = [event for event in self.webhooks.events if event.repository == step.repository and event.is_change]
        named = sorted({event.tag for event in events if event.tag})
        digests = sorted({event.digest for event in events if event.digest})
        picked = random.sample(digests, min(PICKED_DIGESTS, len(digests)))
        presence = await self.truth.presence(step.repository, picked)
        await self._examine(
            self.played.during, step.repository, tags, presence, random.sample(named, min(PICKED_TAGS, len(named))),
            within=patience(LAG_SECONDS),
        )  # fmt: skip

    async def look_at_all(self) -> None:
        """After the last step, and once all that was held has been told: every tag and manifest of the log."""
        await self.truth.barrier(self.webhooks, BARRIER_REPOSITORY)
        await self.webhooks.release()
        deadline = time.monotonic() + patience(SETTLE_SECONDS)
        for repository in sorted({event.repository for event in self.webhooks.events}):
            events = [event for event in self.webhooks.events if event.repository == repository and event.is_change]
            tags = await self.truth.tags(repository)
            presence = await self.truth.presence(repository, {event.digest for event in events if event.digest})
            names = sorted({event.tag for event in events if event.tag})
            within = deadline - time.monotonic()
            await self._examine(self.played.at_end, repository, tags, presence, names, within=within)

    async def _examine(
        self,
        into: Asked,
        repository: str,
        tags: dict[str, str],
        presence: dict[str, bool],
        picked: Sequence[str],
        *,
        within: float,
    ) -> None:
        """Ask, and ask again while an answer is wrong and may only be late; what is wrong after that is kept."""
        began = time.monotonic()
        asked_first = datetime.now(UTC)
        while True:
            asked = await self.questioner.ask(repository, tags, presence, picked)
            waited = time.monotonic() - began
            verdicts = [
                (wrong, judge(wrong, about(self.webhooks.events, wrong), told_before=asked_first))
                for wrong in asked.wrong
            ]
            late = [wrong for wrong, verdict in verdicts if verdict is Verdict.UNEXPLAINED]
            if not late or waited > within:
                break
            await asyncio.sleep(0.1)
        if not late:
            self.played.longest_lag = max(self.played.longest_lag, waited)
        self.played.verdicts.update(verdict.value for _, verdict in verdicts)
        into.add(Asked(asked.answers, asked.complete, late, asked.incomplete))

    async def _wait_for_runs(self) -> None:
        async def none_is_open() -> bool:
            return not await self.fetch("SELECT FROM backfill WHERE state IN ('waiting', 'running')")

        await eventually(none_is_open, within=RUN_SECONDS)

    async def wait_for_reads(self, count: int) -> None:
        """Wait until so many reads that begin from now on have ended complete."""
        (now,) = await self.fetch("SELECT now() AS at")

        async def have_ended() -> bool:
            (row,) = await self.fetch(
                "SELECT count(*) AS done FROM backfill WHERE state = 'complete' AND started_at > $1", now["at"]
            )
            return bool(row["done"] >= count)

        await eventually(have_ended, within=RUN_SECONDS)


def patience(seconds: float) -> float:
    """More time on a busy machine, but not without end: what is wrong does not become right by waiting."""
    return min(stretched(seconds), 2 * seconds)


def about(events: Sequence[Told], wrong: Wrong) -> list[Told]:
    """The log of what an answer is about."""
    if wrong.name.startswith("sha256:"):
        return about_manifest(events, wrong.repository, wrong.name)
    return about_tag(events, wrong.repository, wrong.name)
