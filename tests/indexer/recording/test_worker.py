"""The worker: from a real inbox to real rows, with faults at each step (B03, B04, B09, B10)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from indexer.counting.pulls import RETENTION_DAYS
from indexer.recording import recorder
from indexer.recording.decoding import Senders
from indexer.recording.recorder import record_events
from indexer.recording.settlement import Fenced, Settlement
from indexer.recording.worker import Worker
from indexer.wakeups import Wakeups
from regdex import database
from regdex.database import Connection, Pool
from regdex.events import RegistryEvent
from regdex.store.queues import dead_letters, inbox
from tests.harness.deliveries import deliver, envelope, item, push
from tests.harness.proxy import proxied

Record = Callable[[Connection, int, Sequence[Any]], Awaitable[None]]
Inject = Callable[[Record], None]


def make_worker(db: Pool, **options: Any) -> Worker:
    return Worker(db, Wakeups(db), **{"backoff_seconds": (0.0, 0.0), **options})


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Inject:
    """Puts a function in the place of `recorder.record_events`."""

    def put(record: Record) -> None:
        async def record_events(
            conn: Connection, registry_id: int, events: Sequence[Any], *, retention_days: int
        ) -> None:
            await record(conn, registry_id, events)

        monkeypatch.setattr(recorder, "record_events", record_events)

    return put


async def work_off(worker: Worker) -> None:
    """Work until nothing is due."""
    async with asyncio.timeout(30):
        while await worker.step():
            pass


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def recorded(db: Pool) -> list[str]:
    return [row["tag"] for row in await db.fetch("SELECT tag FROM tag_event ORDER BY at, tag")]


async def reasons(db: Pool) -> list[str]:
    return [row["reason"] for row in await db.fetch("SELECT reason FROM dead_letter ORDER BY id")]


async def until_recorded(db: Pool, count: int, *, patience_seconds: float = 10) -> None:
    async with asyncio.timeout(patience_seconds):
        while await db.fetchval("SELECT count(*) FROM tag_event") < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Poison:
    """Records as the recorder does, but fails for events of the repository `poison`."""

    def __init__(self) -> None:
        self.failures = 0

    async def __call__(self, conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        await record_events(conn, registry_id, events)
        if any(event.repository == "poison" for event in events):
            self.failures += 1
            await conn.execute("SELECT 1 / 0")


async def test_delivery_is_recorded_and_leaves_the_inbox(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1), push(2))

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1", "v2"]
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_same_delivery_a_thousand_times_is_one_event(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, *[push(1)] * 1000)

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1"]
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_undecodable_delivery_is_a_dead_letter_and_stops_nobody(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, b"\x00 not json", push(1))

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1"]
    letters = await dead_letters.list_dead_letters(db, registry="prod", after_id=0, limit=10)
    assert [(row["registry"], row["body_bytes"], row["attempts"]) for row in letters] == [("prod", 10, 1)]
    assert letters[0]["reason"] == "the body is not JSON in UTF-8"


HOSTILE = {
    "B03 depth": b'{"events":' + b"[" * 200_000,
    "B03 a million keys": b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}",
    "B03 digits": push(1).replace(b'"tag":"v1"', b'"tag":' + b"9" * 30),
    "B03 NaN": b'{"events": NaN}',
    "B03 infinite": b'{"events": [1e999]}',
    "B03 half a surrogate": push(1).replace(b"v1", b"\\ud800"),
    "B03 UTF-16": push(1).decode().encode("utf-16"),
    "B04 repository": push(1, repository="team/a\0pp"),
    "B04 tag": push(1).replace(b"v1", b"v\\u0000"),
    "B04 actor": push(1).replace(b'"ann"', b'"an\\u0000n"'),
    "B10 path": push(1, repository="../../etc"),
    "B10 empty component": push(1, repository="a//b"),
    "B10 case": push(1, repository="Team/App"),
    "B10 length": push(1, repository="a" * 300),
    "B10 escaped": push(1, repository="%2e%2e"),
    "B10 reference": push(1, repository="a/b:c@d"),
    "B10 emoji": push(1, repository="\U0001f433"),
    "B10 right to left": push(1, repository="a\u202eb"),
    "B10 space": push(1, repository="team/app "),
}


async def test_hostile_deliveries_are_dead_letters_and_stop_nobody(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, *HOSTILE.values(), push(2))

    await work_off(make_worker(db))

    assert await recorded(db) == ["v2"]
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0
    assert len(await reasons(db)) == len(HOSTILE)
    assert all(await reasons(db))


async def test_batch_of_what_is_not_kept_is_recorded_as_nothing(db: Pool, registry_id: int) -> None:
    """B09: unknown actions, unknown media types, another registry's host: no dead letter, and ten thousand of them."""
    blob = item(1) | {"target": {**item(1)["target"], "mediaType": "application/x-unknown", "tag": ""}}
    await deliver(db, registry_id, envelope(*[item(1) | {"action": "sing"}, blob] * 5000))

    await work_off(make_worker(db))

    assert (await recorded(db), await reasons(db)) == ([], [])


async def test_usable_items_of_a_delivery_are_recorded_and_it_is_kept(db: Pool, registry_id: int) -> None:
    bad = item(2) | {"target": {"repository": "../etc", "mediaType": item(2)["target"]["mediaType"]}}
    await deliver(db, registry_id, envelope(item(1), bad, item(3)))

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1", "v3"]
    [reason] = await reasons(db)
    assert reason.startswith("event 1: ")


async def test_replayed_dead_letter_changes_nothing_that_was_recorded(db: Pool, registry_id: int) -> None:
    bad = item(2) | {"target": {"repository": "UPPER", "mediaType": item(2)["target"]["mediaType"]}}
    await deliver(db, registry_id, envelope(item(1), bad))
    worker = make_worker(db)
    await work_off(worker)
    before = await db.fetch("SELECT repository_id, tag, at, event_key, digest_id FROM tag_event")

    assert await dead_letters.replay_dead_letters(db, registry="prod", ids=[]) == 1
    assert await db.fetchval("SELECT count(*) FROM dead_letter") == 0
    await work_off(worker)

    assert await db.fetch("SELECT repository_id, tag, at, event_key, digest_id FROM tag_event") == before
    assert len(await reasons(db)) == 1


async def test_replay_takes_only_what_was_asked_for(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, b"a", b"b", b"c")
    await work_off(make_worker(db))
    ids = [row["id"] for row in await db.fetch("SELECT id FROM dead_letter ORDER BY id")]

    assert await dead_letters.replay_dead_letters(db, registry="other", ids=[]) == 0
    assert await dead_letters.replay_dead_letters(db, registry="", ids=ids[1:2]) == 1
    assert [row["id"] for row in await db.fetch("SELECT id FROM inbox")] == ids[1:2]


async def test_poison_is_buried_after_three_attempts_and_all_others_are_recorded(
    db: Pool, registry_id: int, inject: Inject
) -> None:
    good = [push(number) for number in range(60)]
    await deliver(db, registry_id, push(99, repository="poison"), *good)
    poison = Poison()

    inject(poison)
    await work_off(make_worker(db))

    assert await recorded(db) == [f"v{number}" for number in range(60)]
    assert poison.failures == 3
    assert await reasons(db) == ["recording failed 3 times, last with DivisionByZeroError"]
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_what_comes_after_a_poison_does_not_wait_for_its_retries(
    db: Pool, registry_id: int, inject: Inject
) -> None:
    await deliver(db, registry_id, push(99, repository="poison"), push(1))
    inject(Poison())
    worker = make_worker(db, backoff_seconds=(3600.0, 3600.0))
    await work_off(worker)
    await deliver(db, registry_id, push(2))

    await work_off(worker)

    assert await recorded(db) == ["v1", "v2"]
    assert await db.fetchval("SELECT attempts FROM inbox") == 2


async def test_decoder_that_fails_costs_only_its_delivery(
    db: Pool, registry_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.kinds.distribution import Distribution

    decode = Distribution.decode

    def fragile(self: Distribution, delivery: Any) -> Any:
        if delivery.body == b"{}":
            raise RecursionError
        return decode(self, delivery)

    monkeypatch.setattr(Distribution, "decode", fragile)
    await deliver(db, registry_id, b"{}", push(1))

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1"]
    assert await reasons(db) == ["the decoder failed: RecursionError"]


async def test_delivery_of_a_worker_that_died_is_recorded_by_another(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1), push(2))
    await inbox.claim_deliveries(db, limit=10, max_bytes=10**6, lease_seconds=0)

    await work_off(make_worker(db))

    assert await recorded(db) == ["v1", "v2"]


async def test_claimed_delivery_is_left_alone_while_the_lease_lasts(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1))
    await inbox.claim_deliveries(db, limit=10, max_bytes=10**6, lease_seconds=3600)

    await work_off(make_worker(db))

    assert await recorded(db) == []


async def test_delivery_that_killed_three_workers_is_buried_without_being_looked_at(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1))
    await inbox.claim_deliveries(db, limit=10, max_bytes=10**6, lease_seconds=0)
    for _ in range(2):
        assert await inbox.claim_suspect(db, lease_seconds=0) is not None

    await work_off(make_worker(db))

    assert await recorded(db) == []
    assert await reasons(db) == ["the indexer ended 3 times while recording it"]


async def test_late_write_of_a_stopped_worker_is_refused(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1), push(2))
    rows = await inbox.claim_deliveries(db, limit=10, max_bytes=10**6, lease_seconds=0)
    stopped = await Senders(db).decode(rows)
    assert await inbox.claim_suspect(db, lease_seconds=3600) is not None

    with pytest.raises(Fenced):
        await Settlement(db, RETENTION_DAYS).settle(stopped)

    assert await recorded(db) == []
    assert await db.fetchval("SELECT count(*) FROM inbox") == 2


async def test_late_write_after_another_has_recorded_is_refused(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, push(1))
    rows = await inbox.claim_deliveries(db, limit=10, max_bytes=10**6, lease_seconds=0)
    stopped = await Senders(db).decode(rows)
    await work_off(make_worker(db))

    with pytest.raises(Fenced):
        await Settlement(db, RETENTION_DAYS).settle(stopped)

    assert await recorded(db) == ["v1"]


async def test_large_delivery_is_recorded_in_chunks(db: Pool, registry_id: int, inject: Inject) -> None:
    sizes: list[int] = []

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        sizes.append(len(events))
        await record_events(conn, registry_id, events)

    await deliver(db, registry_id, push(5000), envelope(*(item(number) for number in range(2500))), push(5001))

    inject(record)
    await work_off(make_worker(db))

    assert sizes == [1, 1000, 1000, 500, 1]
    assert await db.fetchval("SELECT count(*) FROM tag_event") == 2502
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_large_delivery_that_fails_in_its_last_chunk_ends_the_same_when_it_is_tried_again(
    db: Pool, registry_id: int, inject: Inject
) -> None:
    calls = 0

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        nonlocal calls
        calls += 1
        await record_events(conn, registry_id, events)
        if calls == 3:
            raise ZeroDivisionError

    await deliver(db, registry_id, envelope(*(item(number) for number in range(2500))))

    inject(record)
    await work_off(make_worker(db))

    assert calls == 6
    assert await db.fetchval("SELECT count(*) FROM tag_event") == 2500
    assert await db.fetchval("SELECT tag_count FROM repository") == 2500


async def test_claim_stops_at_its_bytes(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, *[bytes(1000)] * 5)

    sizes = []
    while rows := await inbox.claim_deliveries(db, limit=10, max_bytes=1500, lease_seconds=60):
        sizes.append(len(rows))

    assert sizes == [2, 2, 1]


async def test_empty_envelope_is_recorded_as_nothing(db: Pool, registry_id: int) -> None:
    await deliver(db, registry_id, envelope(), b'{"events": null}')

    await work_off(make_worker(db))

    assert await reasons(db) == []
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_several_workers_record_everything_once(db: Pool, registry_id: int) -> None:
    bodies = [push(number, repository=f"team/app-{number % 7}") for number in range(400)]
    await deliver(db, registry_id, *bodies)

    await asyncio.gather(*(work_off(make_worker(db, max_at_once=20)) for _ in range(4)))

    assert await db.fetchval("SELECT count(*) FROM tag_event") == 400
    assert await db.fetchval("SELECT sum(tag_count) FROM repository") == 400
    assert await db.fetchval("SELECT count(*) FROM inbox") == 0
    assert await reasons(db) == []


@pytest.mark.parametrize("conflict", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_conflict_is_tried_again_and_costs_no_attempt(
    db: Pool, registry_id: int, conflict: type[asyncpg.PostgresError], inject: Inject
) -> None:
    conflicts = 2

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        nonlocal conflicts
        await record_events(conn, registry_id, events)
        if conflicts:
            conflicts -= 1
            raise conflict

    await deliver(db, registry_id, push(1))
    inject(record)
    worker = make_worker(db)

    assert await worker.step()
    assert await recorded(db) == ["v1"]


async def test_deadlock_of_two_transactions_is_resolved(db: Pool, registry_id: int, inject: Inject) -> None:
    await deliver(db, registry_id, push(1), push(2, repository="team/other"))
    await work_off(make_worker(db))
    names = ["team/app", "team/other"]
    both_hold_one = asyncio.Barrier(2)
    attempts = 0

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        nonlocal attempts
        attempts += 1
        first, second = names if events[0].repository == names[0] else reversed(names)
        await conn.execute("SELECT id FROM repository WHERE name = $1 FOR UPDATE", first)
        if attempts <= 2:
            await both_hold_one.wait()
        await conn.execute("SELECT id FROM repository WHERE name = $1 FOR UPDATE", second)
        await record_events(conn, registry_id, events)

    await deliver(db, registry_id, push(3), push(4, repository="team/other"))

    inject(record)
    workers = [make_worker(db, max_at_once=1) for _ in range(2)]
    async with asyncio.timeout(20):
        await asyncio.gather(*(worker.step() for worker in workers))

    assert attempts == 3
    assert await recorded(db) == ["v1", "v2", "v3", "v4"]


async def test_work_goes_on_when_the_database_comes_back(
    db: Pool, database_url: str, registry_id: int, inject: Inject
) -> None:
    async with proxied(database_url) as proxy:
        fragile = await database.connect(proxy.url, size=3)
        broken = False

        async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
            nonlocal broken
            await record_events(conn, registry_id, events)
            if not broken:
                broken = True
                proxy.break_connections()
                await asyncio.sleep(0.05)

        await deliver(db, registry_id, *(push(number) for number in range(5)))
        inject(record)
        async with running(make_worker(fragile)):
            await until_recorded(db, 5)
        fragile.terminate()

    assert await db.fetchval("SELECT count(*) FROM inbox") == 0


async def test_trouble_of_the_server_is_no_fault_of_a_delivery(db: Pool, registry_id: int, inject: Inject) -> None:
    troubles = 6

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        nonlocal troubles
        if troubles:
            troubles -= 1
            raise asyncpg.DiskFullError
        await record_events(conn, registry_id, events)

    await deliver(db, registry_id, push(1))
    inject(record)
    worker = make_worker(db)
    while troubles:
        with pytest.raises(asyncpg.DiskFullError):
            await worker.step()
    await work_off(worker)

    assert await recorded(db) == ["v1"]


async def test_what_is_being_recorded_is_finished_before_stopping(db: Pool, registry_id: int, inject: Inject) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def record(conn: Connection, registry_id: int, events: Sequence[RegistryEvent]) -> None:
        begun.set()
        await may_end.wait()
        await record_events(conn, registry_id, events)

    await deliver(db, registry_id, push(1))
    inject(record)
    async with running(make_worker(db)) as task:
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await asyncio.gather(task, return_exceptions=True)

    assert await recorded(db) == ["v1"]


async def test_waiting_worker_is_woken_by_a_delivery(db: Pool, registry_id: int) -> None:
    wakeups = Wakeups(db)
    listening = asyncio.create_task(wakeups.run())
    async with running(Worker(db, wakeups)):
        await deliver(db, registry_id, push(1))
        await until_recorded(db, 1)
        loop = asyncio.get_running_loop()
        took = []
        for number in range(2, 8):
            began = loop.time()
            await deliver(db, registry_id, push(number))
            await until_recorded(db, number)
            took.append(loop.time() - began)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert sorted(took)[2] < 0.5  # polling alone would take half a second on average


async def test_deliveries_are_found_without_a_listener_and_it_comes_back(db: Pool, registry_id: int) -> None:
    wakeups = Wakeups(db)
    listening = asyncio.create_task(wakeups.run())
    listeners = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    async with asyncio.timeout(10), running(Worker(db, wakeups)):
        while await db.fetchval(listeners) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await db.execute(
            """
            SELECT pg_terminate_backend(pid)
              FROM pg_stat_activity
             WHERE query LIKE 'LISTEN%' AND datname = current_database()
            """
        )
        await deliver(db, registry_id, push(1))
        await until_recorded(db, 1)
        while await db.fetchval(listeners) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_restart_of_the_registry_is_a_gap_and_its_first_start_is_none(db: Pool, registry_id: int) -> None:
    worker = make_worker(db)
    await deliver(db, registry_id, push(1, instance="one"), push(2, instance="one"))
    await work_off(worker)
    assert await db.fetch("SELECT FROM gap") == []
    heard_at = await db.fetchval("SELECT accepted_at FROM registry")

    await deliver(db, registry_id, push(3, instance="two"))
    await work_off(worker)
    rows = await db.fetch("SELECT subject, since, until IS NULL AS open, reason FROM gap ORDER BY subject")
    assert [tuple(row) for row in rows] == [
        ("deletes", heard_at, True, "registry_restarted"),
        ("moves", heard_at, True, "registry_restarted"),
        ("pulls", heard_at, False, "registry_restarted"),
    ]

    await deliver(db, registry_id, push(4, instance="one"), push(5, instance="two"))
    await work_off(make_worker(db))
    assert await db.fetchval("SELECT count(*) FROM gap") == 3
