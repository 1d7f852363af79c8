"""From a delivery in the inbox to a repository that is found, while others are taken in by the whole indexer."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from indexer.process import indexing
from regdex.database import Pool
from regdex.errors import Unavailable
from regdex.search import Query, SearchIndex
from regdex.settings import Registry, Settings, Webhooks
from tests.benchmarks import bare_meilisearch, engines, stock
from tests.benchmarks.harness import Context, Row
from tests.harness.deliveries import deliver, envelope, item
from tests.regdex.search.conftest import Engine

STOCK = 10_000
SECONDS = 20.0
EVENTS_EACH = 10
DELIVERIES_A_SECOND = 20
MAX_SECONDS = 60.0
GOALS = {"tantivy": 1.0, "meilisearch": 2.0}


async def rows(context: Context) -> list[Row]:
    found = []
    with tempfile.TemporaryDirectory(prefix="regdex-bench-", ignore_cleanup_errors=True) as folder:
        async with bare_meilisearch.running(Path(folder)) as server:
            for name in engines.names(server):
                async with context.database() as db:
                    engine = engines.open_engine(name, Path(folder), server)
                    times = sorted(await _measure(db, engine, Path(folder)))
                p50, p99, goal = median(times), times[int(len(times) * 0.99)], GOALS[name]
                label = f"search, {name}: delivery to found, {DELIVERIES_A_SECOND * EVENTS_EACH} events/s beside"
                found.append(Row(label, f"{p50:.2f} / {p99:.2f} s", f"p99 {goal} s", p99 / goal, "<= 1", p99 <= goal))
    return found


async def _measure(db: Pool, engine: Engine, folder: Path) -> list[float]:
    await stock.fill(db, STOCK)
    registry_id = await db.fetchval("SELECT id FROM registry")
    settings = Settings(
        data_dir=folder,
        webhooks=Webhooks(listen="127.0.0.1:0"),
        registries=(Registry(name="prod", url="http://127.0.0.1:1", webhook_secret_file=folder / "secret"),),
    )
    async with indexing(settings, db, engine.writer):
        await _is_found(engine.index, "")
        await _are_published(db)  # what the first run of the jobs finds to correct in the stock
        others = asyncio.create_task(_take_in(db, registry_id))
        times: list[float] = []
        while sum(times) < SECONDS:
            number = len(times)
            began = time.perf_counter()
            await deliver(db, registry_id, envelope(item(number, repository=f"probes/{_word(number)}")))
            await _is_found(engine.index, f"probes/{_word(number)}")
            times.append(time.perf_counter() - began)
        others.cancel()
    await engine.index.close()
    await engine.writer.close()
    return times


def _word(number: int) -> str:
    """Letters only: with digits in it a search for a word forgives nothing."""
    return "probe" + "".join("abcdefghij"[int(digit)] for digit in f"{number:04d}")


async def _is_found(index: SearchIndex, repository: str) -> None:
    async with asyncio.timeout(MAX_SECONDS):
        while True:
            try:
                found = (await index.search(Query(text=repository, limit=1))).documents
            except Unavailable:
                found = []
            if found and repository in ("", found[0].repository):
                return
            await asyncio.sleep(0.01)


async def _are_published(db: Pool) -> None:
    quiet = 0
    async with asyncio.timeout(MAX_SECONDS):
        while quiet < 5:
            quiet = 0 if await db.fetchval("SELECT EXISTS (SELECT FROM outbox)") else quiet + 1
            await asyncio.sleep(0.2)


async def _take_in(db: Pool, registry_id: int) -> None:
    """Pushes to two hundred repositories, until cancelled."""
    number = 0
    while True:
        number += EVENTS_EACH
        events = [item(n, repository=f"team-{n % 20}/app-{n % 200}") for n in range(number, number + EVENTS_EACH)]
        await deliver(db, registry_id, envelope(*events))
        await asyncio.sleep(1 / DELIVERIES_A_SECOND)
