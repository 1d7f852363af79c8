"""kill -9 of the indexer, the service and PostgreSQL, at random moments, while deliveries stream in."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random, SystemRandom

import aiohttp
import pytest

from cli import embedded
from cli.embedded.place import existing_home
from regdex import database
from regdex.database import Pool
from regdex.store.queues import dead_letters
from tests.harness.registries import free_port
from tests.robustness.processes import EmbeddedPostgres, Supervised
from tests.robustness.sender import send_all
from tests.robustness.story import Model, make_story

DELIVERIES = 10_000
STREAM_SECONDS = 15.0
BETWEEN_KILLS_SECONDS = (0.5, 3.0)
# On a slow machine starting again takes longer than the next kill is away.
MAX_KILLS = 12
SETTLE_SECONDS = 60.0
SECRET = "survivor"


@asynccontextmanager
async def installation(directory: Path, url: str) -> AsyncIterator[tuple[Supervised, Supervised, dict[str, int]]]:
    """`regdex index` and `regdex serve` against the PostgreSQL at `url`, under supervision."""
    ports = {name: free_port() for name in ("rest", "grpc", "webhooks", "metrics")}
    (directory / "secret").write_text(SECRET)
    (directory / "regdex.toml").write_text(
        f"""
        data_dir = "data"
        [database]
        url = "{url}"
        [rest]
        listen = "127.0.0.1:{ports["rest"]}"
        [grpc]
        listen = "127.0.0.1:{ports["grpc"]}"
        [webhooks]
        listen = "127.0.0.1:{ports["webhooks"]}"
        [metrics]
        listen = "127.0.0.1:{ports["metrics"]}"
        index_listen = "127.0.0.1:{free_port()}"
        [[registries]]
        name = "prod"
        url = "http://127.0.0.1:{free_port()}"
        webhook_secret_file = "secret"
        """
    )
    config = str(directory / "regdex.toml")
    index, serve = (
        Supervised(directory, "index", "--config", config),
        Supervised(directory, "serve", "--config", config),
    )
    tasks = [asyncio.create_task(process.run()) for process in (index, serve)]
    try:
        yield index, serve, ports
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_accepted_delivery_is_recorded_once_whatever_is_killed(tmp_path: Path) -> None:
    seed = int(os.environ.get("REGDEX_TEST_SEED") or SystemRandom().randrange(2**32))
    print(f"REGDEX_TEST_SEED={seed}")
    random = Random(seed)
    bodies, model = make_story(random, DELIVERIES)

    async with embedded.running(tmp_path / "postgres") as url, installation(tmp_path, url) as (index, serve, ports):
        home = existing_home(tmp_path / "postgres", embedded.Options())
        assert home is not None
        victims = [index, serve, EmbeddedPostgres(home)]
        kills: list[str] = []

        async def kill_at_random() -> None:
            while len(kills) < MAX_KILLS:
                await asyncio.sleep(random.uniform(*BETWEEN_KILLS_SECONDS))
                victim = random.choice(victims)
                kills.append(victim.name)
                await victim.kill()

        killing = asyncio.create_task(kill_at_random())
        repeats = await send_all(
            f"http://127.0.0.1:{ports['webhooks']}/webhooks/prod",
            SECRET,
            bodies,
            connections=16,
            seconds=STREAM_SECONDS,
        )
        killing.cancel()
        print(f"killed {kills}, {repeats} deliveries sent again")

        db = await database.connect(url, size=2)
        await settle(db, index)
        # What was being recorded at three kills is taken for their cause, and put aside until somebody says again.
        if await dead_letters.replay_dead_letters(db, registry="prod", ids=[]):
            await settle(db, index)
        await check(db, model)
        await db.close()
        await check_service(ports["rest"], model)
    assert len(kills) > 3


async def settle(db: Pool, index: Supervised) -> None:
    """Wait until the indexer has nothing left to record."""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while await db.fetchval("SELECT EXISTS (SELECT FROM inbox)"):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.1)
    except TimeoutError:
        left = await db.fetch("SELECT id, attempts, next_attempt_at FROM inbox ORDER BY id LIMIT 5")
        pytest.fail(f"still in the inbox: {[dict(row) for row in left]}\n{index.last_words()}")


async def check(db: Pool, model: Model) -> None:
    assert await db.fetchval("SELECT count(*) FROM dead_letter") == 0
    tag_events = await db.fetch(
        """
        SELECT repository.name, tag, at, 'sha256:' || encode(hash, 'hex') AS digest
          FROM tag_event
          JOIN repository ON repository.id = repository_id
          LEFT JOIN digest ON digest.id = digest_id
        """
    )
    assert len(tag_events) == len(model.tag_events())
    assert {(row["name"], row["tag"], row["at"], row["digest"]) for row in tag_events} == model.tag_events()
    tags = await db.fetch(
        """
        SELECT repository.name, tag, 'sha256:' || encode(hash, 'hex') AS digest
          FROM tag
          JOIN repository ON repository.id = repository_id
          JOIN digest ON digest.id = digest_id
        """
    )
    assert {(row["name"], row["tag"], row["digest"]) for row in tags} == model.current_tags()
    assert await db.fetchval("SELECT sum(tag_count) FROM repository") == len(model.current_tags())
    assert await db.fetchval("SELECT count(*) FROM manifest_event") == len(model.pushes)
    assert await db.fetchval("SELECT count(*) FROM pull_event") == len(model.pulls)
    assert await db.fetchval("SELECT sum(requests) FROM download_day") == len(model.pulls)
    assert await db.fetchval("SELECT sum(requests) FROM download_hour") == len(model.pulls)


async def check_service(port: int, model: Model) -> None:
    """The service has come back too, and says the same."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/api/v1/registries/prod") as response:
                    if response.status == 200:
                        assert (await response.json())["tag_count"] == len(model.current_tags())
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
