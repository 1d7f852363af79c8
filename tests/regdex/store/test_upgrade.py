"""From the first schema to the newest, with data in it: nothing is lost, and the release before goes on working."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from cli.direct.migrations import migration_states, upgrade
from indexer.recording.mending import mend_future_rows
from regdex import database
from regdex.database import Pool
from regdex.errors import Misconfigured
from regdex.store.catalog.sorting import sort_older
from regdex.store.content.summaries import describe_older
from regdex.store.pulls.partitions import ensure_partitions
from regdex.store.queues import questions
from regdex.store.search.documents import read_all_documents, read_documents
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


@pytest.mark.parametrize("table", ["repository", "tag", "manifest", "tag_event", "repository_manifest"])
async def test_an_upgrade_does_not_rewrite_the_table(old: Seed, table: str) -> None:
    before = await old.db.fetchval("SELECT pg_relation_filenode($1::regclass)", table)

    await upgrade(old.db)

    assert await old.db.fetchval("SELECT pg_relation_filenode($1::regclass)", table) == before


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


async def test_rows_from_the_future_are_mended_in_their_order(old: Seed) -> None:
    """A clock was a month ahead: two moves of a tag and a pull lie there, and so does `events_through`."""
    db = old.db
    await old.image("newer")
    ahead = datetime.now(UTC) + timedelta(days=30)
    repository_id = await db.fetchval("SELECT id FROM repository")
    image, newer = old.digests["image"], old.digests["newer"]
    await db.execute("UPDATE registry SET events_through = $1", ahead)
    for seconds, digest_id in enumerate([newer, image]):
        await db.execute(
            """
            INSERT INTO tag_event (repository_id, tag, at, event_key, digest_id, source, exact)
            VALUES ($1, '1.0', $2, gen_random_uuid(), $3, 1, true)
            """,
            repository_id,
            ahead + timedelta(seconds=seconds),
            digest_id,
        )
    await ensure_partitions(db, [ahead.date()])
    client_id = await db.fetchval(
        "INSERT INTO client (actor, address, user_agent, class) VALUES ('', '', '', 1) RETURNING id"
    )
    await db.execute(
        """
        INSERT INTO pull_event (repository_id, at, event_key, digest_id, client_id, is_head)
        VALUES ($1, $2, gen_random_uuid(), $3, $4, false)
        """,
        repository_id,
        ahead,
        image,
        client_id,
    )
    hour = ahead.replace(minute=0, second=0, microsecond=0)
    await db.execute("INSERT INTO download_hour VALUES ($1, $2, $3, '', '', 1, 1, 0, 1)", repository_id, hour, image)
    await db.execute("INSERT INTO download_day VALUES ($1, $2, 1, 1, 0, 1)", repository_id, hour.date())

    await upgrade(db)
    while await mend_future_rows(db):
        pass

    now = datetime.now(UTC)
    row = await db.fetchrow("SELECT digest_id, exact, pushed_at FROM tag WHERE tag = '1.0'")
    assert row is not None
    assert (row["digest_id"], row["exact"]) == (image, False)
    assert row["pushed_at"] <= now
    assert await db.fetchval("SELECT max(at) FROM pull_event") <= now
    assert await db.fetchval("SELECT events_through FROM registry") <= now
    counted = await db.fetch("SELECT hour, downloads FROM download_hour WHERE downloads <> 0")
    assert [(found["hour"] <= now, found["downloads"]) for found in counted] == [(True, 1)]
    assert await db.fetchval("SELECT count(*) FROM question WHERE reference = '1.0'") == 1
    assert not await mend_future_rows(db)


SIGNATURE = f"team-sha256-{'a' * 64}.sig"


async def test_tags_are_sorted_and_told_apart_afterwards(old: Seed) -> None:
    repository = await old.repository("prod", "payments/ledger", tag_count=4)
    await old.image("nine", created_at=at(-900))
    await old.image("ten", created_at=at(-800))
    await old.index("index", {"ten": "linux/amd64"})
    await old.tag(repository, "9.0", "nine", at(5), scan=True)
    await old.tag(repository, "10.0", "index", at(4), scan=True)
    await old.tag(repository, "8.0", "pushed", at(-950))
    await old.tag(repository, SIGNATURE, "signature", at(6), scan=True)
    await upgrade(old.db)

    steps = []
    while count := await sort_older(old.db, limit=1):
        steps.append(count)

    assert steps == [1, 1]
    rows = await old.db.fetch(
        "SELECT tag, coalesce(sorted_at, pushed_at) AS at, auxiliary FROM tag WHERE repository_id = $1", repository
    )
    assert {row["tag"]: (row["at"], row["auxiliary"]) for row in rows} == {
        "10.0": (at(-800), False),
        "9.0": (at(-900), False),
        "8.0": (at(-950), False),
        SIGNATURE: (at(-12 * 60), True),  # the day on which it was seen first
    }
    counts = await old.db.fetchrow(
        "SELECT tag_count, artifact_tag_count, sighted_at FROM repository WHERE id = $1", repository
    )
    assert counts is not None
    assert tuple(counts) == (3, 1, at(6))
    (document,) = await read_documents(old.db, [repository])
    assert (document.tags, document.tag_count, document.signed) == (("10.0", "9.0", "8.0"), 3, True)


# As the release before has them in regdex/store/catalog/current.
PUT_TAG = (
    "INSERT INTO tag (repository_id, tag, digest_id, pushed_at, not_before, actor_id, source, exact) "
    "SELECT id, $1, (SELECT max(id) FROM digest), now(), NULL, NULL, 1, true FROM repository "
    "ON CONFLICT (repository_id, tag) DO UPDATE SET digest_id = excluded.digest_id, pushed_at = excluded.pushed_at"
)


async def test_tags_that_the_release_before_writes_are_read_and_counted(old: Seed) -> None:
    await upgrade(old.db)
    for tag in ("2.0", SIGNATURE):
        await old.db.execute(PUT_TAG, tag)
        await old.db.execute("UPDATE repository SET tag_count = repository.tag_count + 1")
    (before,) = [document async for batch in read_all_documents(old.db) for document in batch]

    await old.sort_tags()

    (after,) = [document async for batch in read_all_documents(old.db) for document in batch]
    assert before.tags == after.tags == ("2.0", "1.0")
    assert (before.tag_count, after.tag_count) == (3, 2)
