"""What follows from content: sums that hold, times of indexes, and how much of it is unread."""

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regdex import database
from regdex.database import Pool
from regdex.errors import InvalidArgument
from regdex.store.catalog.projects import list_projects
from regdex.store.content.indexes import refresh_indexes
from regdex.store.content.manifests import count_unread
from regdex.store.content.sizes import refresh_sizes
from tests.conftest import fresh_database
from tests.harness.seed import T0, Seed, at

MOST = 2**63 - 1


@pytest.fixture
async def seed(db: Pool) -> Seed:
    seed = Seed(db)
    await seed.registry("prod")
    return seed


async def test_sums_of_the_largest_sizes_are_cut_to_what_the_answer_can_hold(db: Pool, seed: Seed) -> None:
    for name in ("team/a", "team/b", "team/c"):
        await seed.repository("prod", name, size_bytes=MOST)
    (row,) = await list_projects(db, None, registry="", after=("", ""), limit=10)
    assert row["size_bytes"] == MOST


async def test_sizes_that_an_earlier_release_stored_do_not_overflow(db: Pool, seed: Seed) -> None:
    app = await seed.repository("prod", "team/app", unsized=True)
    for name in ("one", "two"):
        await seed.image(name, layers=(name,), size_bytes=MOST, total_size_bytes=MOST)
        await seed.present(app, name)
    await db.execute("UPDATE manifest_layer SET size_bytes = $1", MOST)
    await seed.index("index", {"one": "linux/amd64", "two": "linux/arm64"}, size_bytes=MOST)
    async with db.acquire() as conn:
        await refresh_indexes(conn, [seed.digests["index"]])
    assert await db.fetchval("SELECT total_size_bytes FROM manifest WHERE is_index") == MOST
    assert await refresh_sizes(db, limit=10) == [app]
    assert await db.fetchval("SELECT size_bytes FROM repository") == MOST


@pytest.mark.parametrize(
    ("statement", "argument", "is_callers"),
    [
        ("SELECT sum(n)::bigint FROM unnest(ARRAY[9223372036854775807, $1::bigint]) AS n", 1, False),
        ("SELECT 9223372036854775807 + $1::bigint", 1, False),
        ("SELECT 1 / $1::bigint", 0, False),
        ("SELECT $1::bigint", 2**63, True),
        ("SELECT $1::text", "\x00", True),
    ],
)
async def test_only_values_of_callers_are_their_fault(
    db: Pool, statement: str, argument: object, is_callers: bool
) -> None:
    with pytest.raises(asyncpg.DataError) as raised:
        await db.fetchval(statement, argument)
    told = database.translate(raised.value)
    assert isinstance(told, InvalidArgument) is is_callers
    assert is_callers or told is None


async def created(db: Pool, seed: Seed) -> object:
    async with db.acquire() as conn:
        await refresh_indexes(conn, [seed.digests["index"]])
    return await db.fetchval("SELECT created_at FROM manifest WHERE is_index")


async def test_index_was_created_when_its_newest_image_was(db: Pool, seed: Seed) -> None:
    await seed.index("index", {"a": "linux/amd64", "b": "linux/arm64", "c": "unknown/unknown"}, created_at=at(-500))
    assert await created(db, seed) == at(-500)
    await seed.image("a", created_at=None)
    assert await created(db, seed) == at(-500)
    await seed.image("b", created_at=at(-1000))
    assert await created(db, seed) == at(-1000)
    await seed.image("c", created_at=at(100))  # an attestation
    assert await created(db, seed) == at(-1000)
    await db.execute("UPDATE manifest SET created_at = $1 WHERE digest_id = $2", T0, seed.digests["a"])
    assert await created(db, seed) == T0


async def test_an_attestation_adds_no_platform_whatever_its_entry_says(db: Pool, seed: Seed) -> None:
    await seed.index("index", {"a": "linux/amd64", "b": "linux/arm64", "c": "linux/s390x"})
    for name in ("a", "b", "c"):
        await seed.image(name)
    await db.execute(
        "UPDATE manifest_child SET annotations = $1 WHERE child_digest_id = $2",
        {"vnd.docker.reference.type": "attestation-manifest"},
        seed.digests["c"],
    )
    await created(db, seed)
    assert await db.fetchval("SELECT platforms FROM manifest WHERE is_index") == ["linux/amd64", "linux/arm64"]


STATES = (None, "queued", "complete", "unsupported", "incomplete", "rejected")
HELD = st.lists(
    st.tuples(st.sampled_from(["prod/team/a", "prod/shop/b", "edge/team/a"]), st.integers(0, 5), st.booleans()),
    unique_by=lambda held: held[:2],
    max_size=12,
)


@settings(max_examples=25)
@given(held=HELD, states=st.lists(st.sampled_from(STATES), min_size=6, max_size=6))
async def test_unread_manifests_are_counted_in_any_range(
    postgres_url: str, template: str, held: list[tuple[str, int, bool]], states: list[str | None]
) -> None:
    async with fresh_database(postgres_url, template) as url:
        db = await database.connect(url, size=2)
        try:
            await _check_unread(db, held, states)
        finally:
            await db.close()


async def _check_unread(db: Pool, held: list[tuple[str, int, bool]], states: list[str | None]) -> None:
    seed = Seed(db)
    names = ("prod/team/a", "prod/shop/b", "edge/team/a")
    registries = {name: await seed.registry(name) for name in ("prod", "edge")}
    ids = {name: await seed.repository(*name.split("/", 1)) for name in names}
    for number, state in enumerate(states):
        if state not in (None, "queued"):
            await seed.image(f"m{number}", state=state)
    for name, number, present in held:
        await seed.present(ids[name], f"m{number}", present=present)
        if states[number] in (None, "queued", "rejected"):  # what is present and not known waits in the queue
            await db.execute(
                "INSERT INTO fetch_queue (repository_id, digest_id, registry_id) VALUES ($1, $2, $3)",
                ids[name], seed.digests[f"m{number}"], registries[name.split("/")[0]],
            )  # fmt: skip
    unread = [name for name, number, present in held if present and states[number] not in ("complete", "unsupported")]
    assert await count_unread(db, None) == len(unread)
    for registry in ("prod", "edge", "none"):
        here = [name for name in unread if name.startswith(f"{registry}/")]
        assert await count_unread(db, None, registry=registry) == len(here)
    for name in names:
        registry, repository = name.split("/", 1)
        assert await count_unread(db, None, registry=registry, repository=repository) == unread.count(name)
    team = await seed.project_id("prod", "team")
    assert await count_unread(db, [team]) == unread.count("prod/team/a")
    assert await count_unread(db, []) == 0
