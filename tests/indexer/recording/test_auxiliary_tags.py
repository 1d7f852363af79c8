"""Sort times and counts of tags follow from what is there, in whatever order tags and content become known."""

from datetime import datetime
from itertools import count
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.recording.recorder import TagScan
from regdex.database import Pool
from regdex.digest import Digest
from regdex.order import sort_time
from regdex.store.catalog.sorting import refresh_tags
from tests.harness.catalogs import Catalog
from tests.harness.stories import Happening, at, digest, tell

SIGNATURE = f"team-sha256-{'a' * 64}.sig"
SBOM = "application/spdx+json"
IMAGE = "application/vnd.oci.image.config.v1+json"
# Digest → its config's media type, and when it was created: an image, one without a time, an SBOM.
CONTENT = {1: (IMAGE, at(-1000)), 2: (IMAGE, None), 3: (SBOM, at(-500))}

_names = (f"t{number}" for number in count())

Step: TypeAlias = Happening | TagScan | int

pushes = st.builds(
    Happening,
    seconds=st.integers(0, 400).map(lambda tenth: tenth / 10),
    kind=st.sampled_from(["push", "push", "push", "tag", "manifest"]),
    tag=st.sampled_from(["1", "2", SIGNATURE]),
    number=st.sampled_from(sorted(CONTENT)),
)
scans = st.builds(
    lambda tag, number, seconds: TagScan(
        "team/app", tag, Digest.parse(digest(number)) if number else None, at(seconds)
    ),
    st.sampled_from(["1", "2", SIGNATURE]),
    st.sampled_from([0, *sorted(CONTENT)]),
    st.integers(50, 90),
)
steps = st.lists(pushes | scans | st.sampled_from(sorted(CONTENT)), min_size=1, max_size=14)


async def learn(catalog: Catalog, number: int) -> None:
    """Content becomes known, as the fetcher ends it."""
    media_type, created_at = CONTENT[number]
    async with catalog.db.acquire() as conn, conn.transaction():
        digest_id = await conn.fetchval(
            """
            INSERT INTO digest (algorithm, hash) VALUES (1, $1)
                ON CONFLICT (hash, algorithm) DO UPDATE SET hash = excluded.hash RETURNING id
            """,
            Digest.parse(digest(number)).hash,
        )
        await conn.execute(
            """
            INSERT INTO manifest (digest_id, state, media_type, config_media_type, created_at)
            VALUES ($1, 'complete', 'application/vnd.oci.image.manifest.v1+json', $2, $3)
                ON CONFLICT DO NOTHING
            """,
            digest_id,
            media_type,
            created_at,
        )
        ids = await conn.fetch("SELECT id FROM repository WHERE registry_id = $1", catalog.registry_id)
        if ids:
            await refresh_tags(conn, [(row["id"], digest_id) for row in ids])


async def take(catalog: Catalog, step: Step) -> None:
    if isinstance(step, Happening):
        await catalog.record(tell([step]))
    elif isinstance(step, TagScan):
        await catalog.scan(step)
    else:
        await learn(catalog, step)


async def counts(catalog: Catalog) -> tuple[int, int]:
    rows = await catalog.rows("SELECT tag_count, artifact_tag_count FROM repository WHERE registry_id = $1")
    return rows[0] if rows else (0, 0)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(story=steps)
async def test_counts_and_sort_times_follow_from_tags_and_content(db: Pool, story: list[Step]) -> None:
    await db.execute("TRUNCATE manifest CASCADE")
    catalog = await Catalog.of(db, next(_names))
    for step in story:
        await take(catalog, step)

    rows = await db.fetch(
        """
        SELECT t.tag, d.hash, t.exact, t.pushed_at, t.not_before, t.source, t.auxiliary,
               coalesce(t.sorted_at, t.pushed_at) AS sorted_at, m.digest_id IS NOT NULL AS is_known
          FROM tag AS t
          JOIN repository AS r ON r.id = t.repository_id
          JOIN digest AS d ON d.id = t.digest_id
          LEFT JOIN manifest AS m ON m.digest_id = t.digest_id
         WHERE r.registry_id = $1
        """,
        catalog.registry_id,
    )
    auxiliary = 0
    for row in rows:
        number = int.from_bytes(row["hash"])
        media_type, created_at = CONTENT[number] if row["is_known"] else (IMAGE, None)
        assert row["auxiliary"] == (row["tag"] == SIGNATURE or media_type == SBOM)
        assert row["sorted_at"] == sort_time(
            row["exact"], row["pushed_at"], row["not_before"], created_at, row["source"]
        )
        auxiliary += row["auxiliary"]
    assert await counts(catalog) == (len(rows) - auxiliary, auxiliary)


async def test_a_tag_that_turns_out_to_be_an_artifact_changes_the_counts(db: Pool) -> None:
    catalog = await Catalog.of(db)
    await catalog.record(tell([Happening(0, "push", tag="1", number=1), Happening(1, "push", tag="sbom", number=3)]))
    before = await counts(catalog)

    await learn(catalog, 3)
    learnt = await counts(catalog)
    await catalog.record(tell([Happening(2, "push", tag="sbom", number=1)]))
    moved = await counts(catalog)
    await catalog.record(tell([Happening(3, "tag", tag="sbom")]))

    assert (before, learnt, moved, await counts(catalog)) == ((2, 0), (1, 1), (2, 0), (1, 0))


@pytest.mark.parametrize(
    ("scans", "expected"),
    [
        ([("1", 1, 5)], at(5)),
        ([("1", 1, 5), ("1", 1, 9)], at(5)),
        ([("1", 1, 5), ("2", 1, 9)], at(9)),
        ([("1", 1, 5), ("1", 2, 9)], at(5)),
    ],
)
async def test_a_repository_remembers_its_last_first_sighting(
    db: Pool, scans: list[tuple[str, int, float]], expected: datetime
) -> None:
    catalog = await Catalog.of(db)
    for tag, number, seconds in scans:
        await catalog.scan(TagScan("team/app", tag, Digest.parse(digest(number)), at(seconds)))

    assert await catalog.rows("SELECT sighted_at FROM repository WHERE registry_id = $1") == [(expected,)]


async def test_a_push_that_was_told_is_no_first_sighting(db: Pool) -> None:
    catalog = await Catalog.of(db)
    await catalog.record(tell([Happening(0, "push", tag="1", number=1)]))

    assert await catalog.rows("SELECT sighted_at, pushed_at FROM repository WHERE registry_id = $1") == [(None, at(0))]
