"""Recording pulls: whatever the order, the repeats and the batches, the counts are those of the rule over all."""

import asyncio
from datetime import timedelta
from random import Random
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.counting.pulls import Pull, record_pulls, rederive
from regdex.database import Pool
from regdex.store.pulls import partitions
from tests.harness.pulls import (
    AMD64,
    ARM64,
    ATTESTATION,
    INDEX,
    NAT,
    NINE,
    OUTER,
    PERSON,
    PLAIN,
    REGDEX,
    SIGNATURE,
    SIGNATURE_TAG,
    UNKNOWN,
    expected_hours,
    hours,
    learn,
    make_catalog,
    record,
)


def asked(
    seconds: float, digest: int, tag: str | None = None, *, head: bool = False, client: int = PERSON, key: int = 0
) -> Pull:
    """One request of repository 1, `seconds` after nine."""
    number = key or hash((seconds, digest, tag, head, client)) % 2**128
    at = NINE + timedelta(seconds=seconds)
    return Pull(1, at, UUID(int=number), digest, client, head, tag, at)


DOCKER_PULL = [asked(0, INDEX, "1.4", head=True), asked(0.1, INDEX), asked(0.2, AMD64)]


async def learn_all(db: Pool) -> None:
    await learn(db)
    while await rederive(db):
        pass


async def test_a_docker_pull_in_three_batches_is_one_download(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    for pull in DOCKER_PULL:
        await record(db, [pull])

    assert await hours(db) == {(1, NINE, INDEX, "1.4", "linux/amd64", 1): (1, 0, 3)}


async def test_a_head_that_comes_last_takes_the_version_check_away_and_gives_its_tag(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    await record(db, DOCKER_PULL[1:])
    assert await hours(db) == {(1, NINE, INDEX, "", "linux/amd64", 1): (1, 0, 2)}
    await record(db, DOCKER_PULL[:1])

    assert await hours(db) == {(1, NINE, INDEX, "1.4", "linux/amd64", 1): (1, 0, 3)}


async def test_fourteen_deliveries_count_once(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    for _ in range(7):
        await record(db, [*DOCKER_PULL, *DOCKER_PULL])

    assert await hours(db) == {(1, NINE, INDEX, "1.4", "linux/amd64", 1): (1, 0, 3)}


async def test_a_hundred_nodes_behind_one_address_are_a_hundred_downloads(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)
    nodes = [
        asked(node / 50 + step, digest, tag, head=head, client=NAT, key=3 * node + number + 1)
        for node in range(100)
        for number, (step, digest, tag, head) in enumerate(
            [(0, INDEX, "1.4", True), (0.5, INDEX, None, False), (1, AMD64, None, False)]
        )
    ]
    Random(1).shuffle(nodes)

    for start in range(0, len(nodes), 7):
        await record(db, nodes[start : start + 7])

    assert await hours(db) == {(1, NINE, INDEX, "1.4", "linux/amd64", 1): (100, 0, 300)}


async def test_regdex_itself_is_kept_apart(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    await record(db, [asked(0, PLAIN, "2", client=REGDEX)])

    assert await hours(db) == {(1, NINE, PLAIN, "2", "linux/amd64", 4): (1, 0, 1)}
    row = await db.fetchrow("SELECT pulled_at, downloads_30d FROM repository WHERE id = 1")
    assert row is not None
    assert tuple(row) == (None, 0)


async def test_the_repository_knows_its_last_download_and_those_of_thirty_days(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    await record(db, [*DOCKER_PULL, asked(700, PLAIN, "2", head=True), asked(900, SIGNATURE)])

    row = await db.fetchrow("SELECT pulled_at, downloads_30d FROM repository WHERE id = 1")
    assert row is not None
    assert tuple(row) == (NINE + timedelta(seconds=0.2), 1)


async def test_days_are_the_sums_of_their_hours(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)

    await record(db, [*DOCKER_PULL, asked(7200, PLAIN, "2"), asked(7300, PLAIN, "2", head=True)])

    rows = await db.fetch("SELECT repository_id, day, class, downloads, version_checks, requests FROM download_day")
    assert [tuple(row) for row in rows] == [(1, NINE.date(), 1, 2, 1, 5)]


async def test_content_that_becomes_known_later_joins_what_was_two_downloads(db: Pool) -> None:
    await make_catalog(db)
    await record(db, DOCKER_PULL)
    assert await hours(db) == {(1, NINE, INDEX, "1.4", "", 1): (1, 0, 2), (1, NINE, AMD64, "", "", 1): (1, 0, 1)}

    await learn_all(db)

    assert await hours(db) == {(1, NINE, INDEX, "1.4", "linux/amd64", 1): (1, 0, 3)}


async def test_a_signature_recognised_later_was_no_download(db: Pool) -> None:
    await make_catalog(db)
    await record(db, [*DOCKER_PULL, asked(5, SIGNATURE), asked(6, ATTESTATION), asked(7, UNKNOWN, SIGNATURE_TAG)])

    await learn_all(db)

    row = await db.fetchrow("SELECT pulled_at, downloads_30d FROM repository WHERE id = 1")
    assert row is not None
    assert tuple(row) == (NINE + timedelta(seconds=0.2), 1)


async def test_manifests_that_are_not_complete_are_not_facts(db: Pool) -> None:
    await make_catalog(db)
    await learn(db)
    await db.execute("UPDATE manifest SET state = 'incomplete'")

    assert await rederive(db) == 0


async def test_pulls_beyond_the_retention_are_not_counted(db: Pool) -> None:
    await make_catalog(db)
    async with db.acquire() as conn, conn.transaction():
        await record_pulls(conn, [asked(0, PLAIN)], retention_days=1)
        await record_pulls(conn, [asked(5 * 86400, PLAIN)])

    assert await hours(db) == {}


async def test_dropped_days_take_no_more_pulls_and_keep_their_counts(db: Pool) -> None:
    await make_catalog(db)
    yesterday = asked(-86400, PLAIN)
    await record(db, [yesterday, asked(-3 * 86400, PLAIN), asked(0, PLAIN)])
    counted = await hours(db)

    dropped = await partitions.drop_partitions_before(db, NINE.date())
    await record(db, [yesterday, asked(-86000, PLAIN)])

    assert dropped == [f"pull_event_{NINE - timedelta(days=3):%Y%m%d}"]
    assert await hours(db) == counted


async def test_two_writers_make_a_partition_once(db: Pool) -> None:
    days = [(NINE + timedelta(days=number)).date() for number in range(3)]

    made = await asyncio.gather(*(partitions.ensure_partitions(db, days) for _ in range(4)))

    assert sorted(len(each) for each in made) == [0, 0, 0, 3]


async def test_recorders_and_new_facts_wait_for_each_other(db: Pool) -> None:
    await make_catalog(db)
    async with db.acquire() as conn:
        async with conn.transaction():
            await record_pulls(conn, DOCKER_PULL)
            await learn(db)
            waiting = asyncio.create_task(rederive(db))
            async with asyncio.timeout(10):
                await _until_somebody_waits(db)
            assert not waiting.done()
        await waiting

    assert await hours(db) == expected_hours(DOCKER_PULL)


async def _until_somebody_waits(db: Pool) -> None:
    while not await db.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        pass


async def test_a_late_event_among_many_is_derived_by_looking_further_ahead(db: Pool) -> None:
    await make_catalog(db)
    await learn_all(db)
    # Each GET takes the HEAD before it; one more HEAD at the beginning shifts all of them.
    busy = [asked(number * 20, PLAIN, f"{number}", head=number % 2 == 0) for number in range(400)]
    await record(db, busy)

    late = asked(-10, PLAIN, "late", head=True)
    await record(db, [late])

    assert await hours(db) == expected_hours([late, *busy])


PULLS = st.lists(
    st.builds(
        Pull,
        repository_id=st.integers(1, 2),
        at=st.one_of(st.integers(0, 400), st.integers(3400, 3800), st.integers(80_000, 80_200)).map(
            lambda seconds: NINE + timedelta(seconds=seconds)
        ),
        key=st.uuids(version=4),
        digest_id=st.sampled_from([INDEX, INDEX, AMD64, AMD64, ARM64, ATTESTATION, SIGNATURE, PLAIN, OUTER, UNKNOWN]),
        client_id=st.sampled_from([PERSON, PERSON, PERSON, NAT, REGDEX]),
        is_head=st.booleans(),
        tag=st.sampled_from([None, None, "1.4", "latest", SIGNATURE_TAG]),
        told_at=st.none(),
    ).map(lambda pull: pull._replace(told_at=pull.at)),
    min_size=1,
    max_size=40,
    unique_by=lambda pull: pull.key,
)


async def last_downloads(db: Pool) -> list[object]:
    rows = await db.fetch("SELECT pulled_at, downloads_30d FROM repository ORDER BY id")
    return [tuple(row) for row in rows]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pulls=PULLS, seed=st.integers(0, 2**32))
async def test_any_order_repeats_batches_and_late_content_come_to_the_same(
    db: Pool, pulls: list[Pull], seed: int
) -> None:
    await start_over(db)
    await record(db, sorted(pulls, key=lambda pull: (pull.at, pull.key)))
    await learn_all(db)
    in_order = await hours(db), await last_downloads(db)
    await start_over(db)
    random = Random(seed)
    deliveries = [*pulls, *random.choices(pulls, k=len(pulls) // 3)]
    random.shuffle(deliveries)
    manifests = [INDEX, AMD64, ARM64, ATTESTATION, SIGNATURE, PLAIN, OUTER]
    random.shuffle(manifests)

    while deliveries:
        batch, deliveries = deliveries[: (size := random.randint(1, 12))], deliveries[size:]
        await record(db, batch)
        if manifests and random.random() < 0.5:
            await learn(db, [manifests.pop()])
        if random.random() < 0.5:
            await rederive(db)
    await learn(db, manifests)
    while await rederive(db):
        pass

    assert await hours(db) == expected_hours(pulls)
    assert (await hours(db), await last_downloads(db)) == in_order
    assert await db.fetchval("SELECT count(*) FROM pull_event") == len(pulls)


async def start_over(db: Pool) -> None:
    await db.execute(
        """
        TRUNCATE registry, digest, client, pull_event, download_hour, download_day RESTART IDENTITY CASCADE
        """
    )
    await make_catalog(db)
