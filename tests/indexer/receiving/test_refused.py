"""A refused secret makes a registry incomplete until a delivery is accepted, and a gap only if something was missed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from regdex.database import Pool
from regdex.store.catalog import gaps, registration
from tests.indexer.conftest import Port


async def noted(db: Pool) -> datetime:
    async with asyncio.timeout(10):
        while True:
            at: datetime | None = await db.fetchval("SELECT refused_at FROM registry WHERE name = 'prod'")
            if at is not None:
                return at
            await asyncio.sleep(0.05)


async def test_refusals_are_noted_once_a_second_however_many_there_are(db: Pool, port: Port) -> None:
    for _ in range(50):
        assert (await port.post(secret="wrong")).status == 401
    first = await noted(db)
    since = await db.fetchval("SELECT refused_since FROM registry WHERE name = 'prod'")
    assert first - timedelta(seconds=10) < since <= first

    assert (await port.post(secret="")).status == 401
    async with asyncio.timeout(10):
        while True:
            if await noted(db) > first:
                break
            await asyncio.sleep(0.05)
    assert await db.fetchval("SELECT refused_since FROM registry WHERE name = 'prod'") == since


async def test_accepted_deliveries_note_nothing(db: Pool, port: Port) -> None:
    assert (await port.post(b'{"events": []}')).status == 202
    assert (await port.post(path="/webhooks/idle", secret="wrong")).status == 401
    await asyncio.sleep(1.5)
    assert await db.fetchval("SELECT refused_at FROM registry WHERE name = 'prod'") is None


@pytest.mark.parametrize("differs", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
async def test_the_next_full_read_decides(db: Pool, registry_id: int, *, differs: bool, accepted: bool) -> None:
    now = datetime.now(UTC)
    await db.execute(
        "UPDATE registry SET refused_since = $2, refused_at = $3, accepted_at = $4 WHERE id = $1",
        registry_id,
        now - timedelta(hours=3),
        now - timedelta(hours=2),
        now - timedelta(hours=1) if accepted else now - timedelta(hours=4),
    )
    async with db.acquire() as conn, conn.transaction():
        await gaps.settle_refused(conn, registry_id, read_at=now, differs=differs)

    found = await db.fetch("SELECT subject, since, until, reason FROM gap")
    expected = [("pulls", now - timedelta(hours=3), now - timedelta(hours=1) if accepted else now, "refused")]
    assert [tuple(row) for row in found] == (expected if differs else [])
    assert await db.fetchval("SELECT refused_since FROM registry") is None


async def test_refusals_that_go_on_are_decided_by_the_read_after(db: Pool, registry_id: int) -> None:
    await db.execute("UPDATE registry SET refused_since = now() - interval '1 hour' WHERE id = $1", registry_id)
    async with db.acquire() as conn, conn.transaction():
        await registration.note_refused(conn, [registry_id])
    read_at = datetime.now(UTC) - timedelta(minutes=5)
    async with db.acquire() as conn, conn.transaction():
        await gaps.settle_refused(conn, registry_id, read_at=read_at, differs=False)

    assert await db.fetchval("SELECT refused_since FROM registry") == read_at
