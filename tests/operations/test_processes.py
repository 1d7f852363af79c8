"""`serve` and `index` under a supervisor: health, several workers, a clean stop while all are busy."""

import asyncio
import contextlib
import os
import re
import socket
from pathlib import Path

import aiohttp
import pytest

from regdex.client import Client
from regdex.database import Pool
from regdex.errors import RegdexError
from tests.harness.deliveries import push
from tests.harness.proxy import proxied
from tests.harness.seed import Seed
from tests.operations.installation import SECRET, STOP_SECONDS, Installation, until

WORKERS = 3


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Installation:
    return Installation(tmp_path / "regdex", database_url)


async def status(place: Installation, port: str, path: str) -> int:
    """Return the status of a GET on a new connection, or 0 without an answer."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"http://{place.address(port)}{path}") as response,
        ):
            return response.status
    except aiohttp.ClientConnectionError:
        return 0


async def test_readiness_follows_the_database_and_liveness_does_not(tmp_path: Path, database_url: str) -> None:
    async with proxied(database_url) as proxy:
        place = Installation(tmp_path / "regdex", proxy.url)
        ready = [("metrics", "/readyz"), ("index_metrics", "/readyz"), ("rest", "/readyz")]
        alive = [("metrics", "/healthz"), ("index_metrics", "/healthz"), ("rest", "/healthz"), ("webhooks", "/healthz")]
        async with place.running("index"), place.running("serve"):
            assert [await status(place, *door) for door in ready + alive] == [200] * 7

            proxy.flowing.clear()

            async def is_noticed() -> bool:
                return await asyncio.gather(*(status(place, *door) for door in ready)) == [503] * 3

            await until(is_noticed)
            assert [await status(place, *door) for door in alive] == [200] * 4

            proxy.flowing.set()

            async def is_back() -> bool:
                return await asyncio.gather(*(status(place, *door) for door in ready)) == [200] * 3

            await until(is_back)


async def test_all_workers_answer_and_all_end_with_the_first_process(place: Installation, db: Pool) -> None:
    place.ports["metrics"] = free_ports(WORKERS)
    place.config.write_text(
        re.sub(r'(\[metrics\]\s+listen = ")[^"]+', rf"\g<1>{place.address('metrics')}", place.config.read_text())
    )
    await Seed(db).registry("prod")
    async with place.running("index"):
        pass

    async with place.running("serve", "--workers", str(WORKERS)) as parent:
        await until(lambda: answered(place, 1))
        children = children_of(parent.process.pid)
        assert len(children) == WORKERS

        os.kill(children[0], 9)
        await until(lambda: are_other(parent.process.pid, children))
        await until(lambda: answered(place, 1))
        children = children_of(parent.process.pid)

    assert not any(Path(f"/proc/{child}").exists() for child in children)


async def test_workers_end_when_their_parent_is_killed(place: Installation, db: Pool) -> None:
    """Workers without a parent would share the ports with those of its successor."""
    place.ports["metrics"] = free_ports(WORKERS)
    parent = await place.start("serve", "--workers", "2")
    await place.ready("rest", parent)
    await until(lambda: are_other(parent.process.pid, [0, 0]))
    children = children_of(parent.process.pid)

    await parent.kill()

    async def are_gone() -> bool:
        return not any(is_running(child) for child in children)

    await until(are_gone)


def free_ports(count: int) -> int:
    """Return the first of `count` consecutive free ports."""
    while True:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            number: int = first.getsockname()[1]
            try:
                for further in range(1, count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", number + further))
            except (OSError, OverflowError):
                continue
            return number


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Return whether the process runs, that is, neither has ended nor is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def are_other(parent: int, before: list[int]) -> bool:
    children = children_of(parent)
    return len(children) == len(before) and children != before


async def answered(place: Installation, least: int) -> bool:
    """Send requests over many connections; return whether each worker has answered at least `least`."""
    await asyncio.gather(*(status(place, "rest", "/api/v1/registries") for _ in range(8 * WORKERS)))
    first = place.ports["metrics"]
    counts = await asyncio.gather(*(requests_of(first + number) for number in range(WORKERS)))
    return min(counts) >= least


async def requests_of(metrics_port: int) -> float:
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{metrics_port}/metrics") as response,
        ):
            text = await response.text()
    except aiohttp.ClientConnectionError:
        return 0
    found = re.search(r'regdex_request_seconds_count\{code="200",route="CatalogService.ListRegistries".*\} (\S+)', text)
    return float(found[1]) if found else 0


async def test_a_stop_under_load_breaks_no_answer(place: Installation, db: Pool) -> None:
    await Seed(db).registry("prod")
    async with place.running("serve") as process:
        broken: list[str] = []
        done = 0
        stopping = asyncio.Event()

        async def ask_over_rest() -> None:
            nonlocal done
            async with aiohttp.ClientSession(f"http://{place.address('rest')}") as session:
                while not stopping.is_set():
                    try:
                        async with session.get("/api/v1/registries") as response:
                            if response.status != 200 or not (await response.json())["registries"]:
                                broken.append(f"REST {response.status}")
                            done += 1
                    except aiohttp.ServerDisconnectedError:  # closed between two requests: sent again by any client
                        return
                    except aiohttp.ClientConnectorError:
                        return

        async def ask_over_grpc() -> None:
            nonlocal done
            async with Client(place.address("grpc")) as client:
                while not stopping.is_set():
                    try:
                        broken.extend([] if (await client.list_registries()).registries else ["gRPC: empty"])
                        done += 1
                    except RegdexError as error:
                        if error.code != "UNAVAILABLE":
                            broken.append(f"gRPC {error.code}")
                        return

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(ask_over_rest())
                group.create_task(ask_over_grpc())
            async with asyncio.timeout(30):
                while done < 500:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            began = asyncio.get_running_loop().time()
            code = await process.stop()
            stopping.set()

        assert (code, broken) == (0, [])
        assert asyncio.get_running_loop().time() - began < STOP_SECONDS


async def test_an_indexer_that_is_stopped_while_deliveries_stream_in_loses_none(place: Installation, db: Pool) -> None:
    accepted: list[int] = []
    numbers = iter(range(100_000))

    async def send() -> None:
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for number in numbers:
                try:
                    url = f"http://{place.address('webhooks')}/webhooks/prod"
                    async with session.post(url, data=push(number)) as response:
                        if response.status == 202:
                            accepted.append(number)
                except aiohttp.ClientError:
                    return

    async with place.running("index") as process, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(send())
        async with asyncio.timeout(30):
            while len(accepted) < 300:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await process.stop() == 0

    async with place.running("index"):

        async def is_recorded() -> bool:
            return not await db.fetchval("SELECT EXISTS (SELECT FROM inbox)")

        await until(is_recorded)
    recorded = {int(tag[1:]) for tag in await db.fetchval("SELECT array_agg(tag) FROM tag")}
    assert recorded >= set(accepted)
    assert await db.fetchval("SELECT count(*) FROM dead_letter") == 0
