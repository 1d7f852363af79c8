"""From the first schema to the newest, with data in it: nothing is lost, and the release before goes on working."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cli.commands.databases import migration_states, upgrade
from regdex import database
from regdex.database import Pool
from regdex.errors import Misconfigured
from regdex.store.content.summaries import describe_older
from regdex.store.queues import questions
from regdex.store.search.documents import read_all_documents
from tests.harness.seed import Seed, at

TITLE = "org.opencontainers.image.title"


@pytest_asyncio.fixture
async def old(db: Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Seed]:
    """A database as the first release left it: 0001 and rows."""
    await db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    first = database.migrations()[:1]
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrations", lambda: first)
        await database.upgrade(db)
    await db.expire_connections()
    seed = Seed(db)
    await seed.registry("prod")
    await seed.image("image", annotations={TITLE: "Gateway"}, labels={"team": "payments"})
    app = await seed.repository("prod", "payments/gateway", description="Takes payments", downloads_30d=7)
    await seed.tag(app, "1.0", "image", at(1))
    yield seed


async def test_what_is_missing_is_shown_refused_and_applied(old: Seed) -> None:
    later = [f"{migration.version:04d}_{migration.name}" for migration in database.migrations()[1:]]
    states = await migration_states(old.db)
    assert states == [("0001_catalog", "applied"), *((name, "missing") for name in later)]
    with pytest.raises(Misconfigured, match="db upgrade"):
        await database.check_current(old.db)

    assert await upgrade(old.db) == [f"{name} applied" for name in later]

    assert await migration_states(old.db) == [(name, "applied") for name, _ in states]
    await database.check_current(old.db)


async def test_rows_are_kept_and_filled_afterwards(old: Seed) -> None:
    await upgrade(old.db)
    (before,) = [document async for batch in read_all_documents(old.db) for document in batch]

    while await describe_older(old.db, limit=100):
        pass

    (after,) = [document async for batch in read_all_documents(old.db) for document in batch]
    assert (before.repository, before.description, before.tags) == ("payments/gateway", "Takes payments", ("1.0",))
    assert before.labels == after.labels == ("team=payments",)
    assert (before.title, after.title, after.stars, after.downloads_30d) == ("", "Gateway", 0, 7)


# As the release with 0001 alone has them in regdex/store: names, current, summaries, repositories, rankings, outbox.
STATEMENTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (
        "INSERT INTO repository (registry_id, project_id, name) SELECT registry_id, project_id, 'payments/new' "
        "FROM repository ON CONFLICT DO NOTHING",
        (),
    ),
    (
        "UPDATE repository SET tag_count = repository.tag_count + 1, manifest_count = repository.manifest_count + 1, "
        "pushed_at = greatest(repository.pushed_at, now()), unsized = repository.unsized OR true",
        (),
    ),
    (
        "UPDATE repository SET platforms = $1, description = $2 "
        "WHERE (repository.platforms, repository.description) IS DISTINCT FROM ($1, $2)",
        (["linux/amd64"], "By the older release"),
    ),
    ("UPDATE repository SET downloads_30d = 9, pulled_at = now(), published_bucket = 4", ()),
    (
        "SELECT g.name, r.name, r.description, r.tag_count, r.size_bytes, r.platforms, r.first_seen_at FROM registry g "
        "JOIN repository r ON r.registry_id = g.id",
        (),
    ),
    ("SELECT id FROM repository ORDER BY id FOR NO KEY UPDATE", ()),
    ("INSERT INTO outbox (repository_id) SELECT id FROM repository ON CONFLICT (repository_id) DO UPDATE SET version = "
     "nextval('outbox_version')", ()),
    ("UPDATE instance SET index_fingerprint = $1, rebuilt_documents = 1", ({"index_id": "x"},)),
)  # fmt: skip


async def test_statements_of_the_release_before_still_run(old: Seed) -> None:
    await upgrade(old.db)

    for statement, arguments in STATEMENTS:
        await old.db.fetch(statement, *arguments)

    rows = await old.db.fetch("SELECT name, description, stars, description_override FROM repository ORDER BY name")
    assert [tuple(row) for row in rows] == [
        ("payments/gateway", "By the older release", 0, None),
        ("payments/new", "By the older release", 0, None),
    ]


async def test_what_the_release_before_writes_moves_versions(old: Seed) -> None:
    await upgrade(old.db)
    before = await old.db.fetchval("SELECT version FROM repository")

    # As 0001 has it in regdex/store/logs/observations.py.
    await old.db.execute(
        "INSERT INTO tag_event (repository_id, tag, at, event_key, digest_id, source, exact) "
        "SELECT id, '1.0', now(), gen_random_uuid(), 1, 1, true FROM repository"
    )

    assert await old.db.fetchval("SELECT version FROM repository") != before


async def test_an_upgrade_does_not_rewrite_the_table(old: Seed) -> None:
    before = await old.db.fetchval("SELECT pg_relation_filenode('repository')")

    await upgrade(old.db)

    assert await old.db.fetchval("SELECT pg_relation_filenode('repository')") == before


async def test_gaps_follow_from_what_was_known(old: Seed) -> None:
    db = old.db
    await db.execute("UPDATE registry SET events_through = now(), reconciled_at = $1, gap_at = $2", at(5), at(6))
    await db.execute("INSERT INTO registry_instance VALUES ((SELECT id FROM registry), 'one', $1)", at(2))
    await db.execute(
        "INSERT INTO backfill (registry_id, state, started_at) SELECT id, 'complete', $1 FROM registry", at(4)
    )
    repository_id = await db.fetchval("SELECT id FROM repository")
    await db.execute(
        "INSERT INTO recheck_queue (repository_id, tag, next_attempt_at) VALUES ($1, '1', now())", repository_id
    )

    await upgrade(db)

    rows = await db.fetch("SELECT subject, reason, nullif(since, '-infinity') AS since, until FROM gap ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [
        ("deletes", "events_lost", at(6), None),
        ("deletes", "never_read", None, at(4)),
        ("moves", "events_lost", at(6), None),
        ("moves", "never_read", None, at(4)),
        ("pulls", "before_first_event", None, at(2)),
        ("pulls", "events_lost", at(6), at(6)),
    ]
    assert await db.fetchval("SELECT reference FROM question WHERE repository_id = $1", repository_id) == "1"


async def test_questions_of_the_release_before_are_taken_over(old: Seed) -> None:
    await upgrade(old.db)
    repository_id = await old.db.fetchval("SELECT id FROM repository")
    await old.db.execute(
        "INSERT INTO recheck_queue (repository_id, tag, next_attempt_at) VALUES ($1, '1', now())", repository_id
    )

    await questions.take_over(old.db)

    assert await old.db.fetchval("SELECT reference FROM question") == "1"
    assert await old.db.fetchval("SELECT count(*) FROM recheck_queue") == 0
