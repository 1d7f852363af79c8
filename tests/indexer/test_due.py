"""When a registry is read in full by itself."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.registration import register
from regdex.database import Pool
from regdex.settings import Registry
from regdex.store.queues import backfills, schedule

HOURS = 6 * 3600


async def configure(db: Pool, **settings: object) -> int:
    registry = Registry.model_validate({"name": "prod", "url": "http://registry.example.com", **settings})
    async with db.acquire() as conn, conn.transaction():
        return (await register(conn, [registry]))["prod"]


async def due(db: Pool, *, every_seconds: int = HOURS) -> Sequence[int]:
    return await schedule.list_due_registries(db, every_seconds=every_seconds)


async def end_run(db: Pool, registry_id: int, state: str, *, minutes_ago: float) -> None:
    asked = await backfills.request_backfill(db, registry_id, force=False)
    await db.execute(
        """
        UPDATE backfill
           SET state = $2, requested_at = now() - make_interval(secs => $3),
               finished_at = now() - make_interval(secs => $3)
         WHERE id = $1
        """,
        asked["id"],
        state,
        minutes_ago * 60,
    )
    if state == "complete":
        await db.execute("UPDATE registry SET reconciled_at = now() - make_interval(secs => $1)", minutes_ago * 60)


async def age(db: Pool) -> None:
    """Its settings were written long ago."""
    await db.execute("UPDATE registry SET read_due_at = read_due_at - interval '1 day'")


@pytest.mark.parametrize("every_seconds", [HOURS, 10**10])
async def test_first_read_that_failed_is_tried_again_after_minutes(db: Pool, every_seconds: int) -> None:
    registry_id = await configure(db)
    assert await due(db, every_seconds=every_seconds) == [registry_id]
    for attempt in range(1, 8):
        await end_run(db, registry_id, "failed", minutes_ago=0)
        await age(db)
        pause = min(attempt, 5)
        await db.execute("UPDATE backfill SET finished_at = now() - make_interval(secs => $1)", pause * 60 - 10)
        assert await due(db, every_seconds=every_seconds) == []
        await db.execute("UPDATE backfill SET finished_at = now() - make_interval(secs => $1)", pause * 60 + 1)
        assert await due(db, every_seconds=every_seconds) == [registry_id]


async def test_restart_tries_again_what_was_never_read(db: Pool) -> None:
    registry_id = await configure(db)
    await end_run(db, registry_id, "failed", minutes_ago=0.1)
    await age(db)
    assert await due(db) == []

    await configure(db)

    assert await due(db) == [registry_id]


@pytest.mark.parametrize(
    "change",
    [{"username": "robot"}, {"repositories": ["team/app"]}, {"read": "head"}, {"auth_hosts": ["auth.example.com"]}],
)
async def test_changed_settings_are_tried_at_once(db: Pool, change: dict[str, object]) -> None:
    registry_id = await configure(db)
    await end_run(db, registry_id, "complete", minutes_ago=1)
    await age(db)
    await configure(db)
    assert await due(db) == []

    await configure(db, **change)

    assert await due(db) == [registry_id]


async def test_changed_password_is_tried_at_once(db: Pool, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("wrong")
    settings = {"username": "robot", "password_file": file}
    registry_id = await configure(db, **settings)
    await end_run(db, registry_id, "complete", minutes_ago=1)
    await age(db)
    file.write_text("right one")

    await configure(db, **settings)

    assert await due(db) == [registry_id]


async def test_what_does_not_concern_reading_changes_nothing(db: Pool) -> None:
    registry_id = await configure(db)
    await end_run(db, registry_id, "complete", minutes_ago=1)
    await age(db)

    await configure(db, concurrency=2, hosts=["other.example.com"])

    assert await due(db) == []


async def test_upgrade_is_no_change_of_settings(db: Pool) -> None:
    registry_id = await configure(db)
    await end_run(db, registry_id, "complete", minutes_ago=1)
    await db.execute("UPDATE registry SET settings_hash = '', read_due_at = NULL")

    await configure(db)

    assert await due(db) == []


async def test_open_run_is_not_asked_for_again(db: Pool) -> None:
    registry_id = await configure(db)
    asked = await backfills.request_backfill(db, registry_id, force=False)
    await configure(db)
    assert await due(db) == []

    await db.execute("UPDATE backfill SET state = 'complete', finished_at = now() WHERE id = $1", asked["id"])
    await db.execute("UPDATE registry SET reconciled_at = now()")
    assert await due(db) == []
