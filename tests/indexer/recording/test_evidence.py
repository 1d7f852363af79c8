"""What contradicts what is known ends in one question to the registry: pulls, late events, scans, wrong clocks."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from indexer.recording.evidence import weigh_answer
from indexer.recording.recorder import ManifestScan, TagScan
from indexer.registry.answered import Answered
from regdex.database import Pool
from regdex.digest import Digest
from regdex.store.queues import questions
from regdex.store.queues.questions import Question
from tests.harness.catalogs import Catalog
from tests.harness.stories import Happening, at, digest, tell

APP = "team/app"
SOON = timedelta(seconds=1)
DUE = "SELECT reference, next_attempt_at FROM question ORDER BY reference"


@pytest_asyncio.fixture
async def catalog(db: Pool) -> AsyncIterator[Catalog]:
    yield await Catalog.of(db)


async def hear(catalog: Catalog, *happenings: Happening, received: float | None = None) -> None:
    """Record these at once, each a delivery of its own, received just after it happened or at `received` seconds."""
    for number, happening in enumerate(happenings, 1):
        seconds = happening.seconds + 0.1 if received is None else received
        await catalog.record(tell([happening], id=number, received_at=at(seconds)))


async def take(catalog: Catalog) -> Question:
    """The one question that waits, as if it were due."""
    await catalog.db.execute("UPDATE question SET next_attempt_at = now()")
    (question,) = await questions.claim_questions(catalog.db, catalog.registry_id, limit=10, lease=timedelta(minutes=5))
    return question


async def answer(catalog: Catalog, scan: TagScan | ManifestScan) -> None:
    question = await take(catalog)
    async with catalog.db.acquire() as conn, conn.transaction():
        await questions.settle(conn, question, delay=SOON)
        await weigh_answer(conn, catalog.registry_id, question, scan)
    await catalog.scan(scan)


def push(seconds: float, number: int, tag: str = "1") -> Happening:
    return Happening(seconds, "push", APP, tag, number, id=number * 1000 + int(seconds))


def pull(seconds: float, number: int, tag: str = "1") -> Happening:
    return Happening(seconds, "pull", APP, tag, number, id=number * 1000 + int(seconds) + 500)


async def test_pull_that_says_what_is_known_asks_nothing(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), pull(10, 1), push(20, 2), pull(30, 2))
    await hear(catalog, replace(pull(11, 1), id=77), received=40)  # of the digest that the tag had then

    assert await catalog.questions() == set()


async def test_pull_of_another_digest_is_asked_about_once_and_moves_nothing(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), push(1, 2, tag="2"))

    await hear(catalog, pull(10, 2), pull(11, 2))

    assert await catalog.questions() == {(APP, "1")}
    assert (await catalog.tags())[APP, "1"][0] == digest(1)


async def test_pull_of_a_manifest_that_nobody_told_of_asks_for_it(catalog: Catalog) -> None:
    await hear(catalog, pull(10, 9, tag=""))

    assert await catalog.questions() == {(APP, digest(9))}
    await answer(catalog, ManifestScan(APP, Digest.parse(digest(9)), True, at(20)))
    assert (await catalog.manifests())[APP, digest(9)][0]
    assert await catalog.rows("SELECT FROM gap WHERE registry_id = $1 AND reason = 'unknown_pull'") == []


async def test_pulled_manifest_that_was_never_seen_and_is_gone_is_a_gap_of_its_repository(catalog: Catalog) -> None:
    await hear(catalog, pull(10, 9, tag=""))

    await answer(catalog, ManifestScan(APP, Digest.parse(digest(9)), False, at(20)))

    gaps = await catalog.rows(
        """
        SELECT gap.subject, gap.since, gap.until, repository.name
          FROM gap JOIN repository ON repository.id = gap.repository_id
         WHERE gap.registry_id = $1 AND reason = 'unknown_pull'
        """
    )
    assert set(gaps) == {("moves", at(10), None, APP), ("deletes", at(10), None, APP)}


async def test_pull_is_kept_when_the_registry_names_a_third_digest(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), push(1, 2, tag="2"), push(2, 3, tag="3"), pull(100, 2))

    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(3)), at(200)))

    assert (await catalog.changes())[APP, "1"] == [
        (digest(1), at(0), True, None),
        (digest(2), at(100), False, at(0)),
        (digest(3), at(200), False, at(100)),
    ]


async def test_pull_is_not_kept_against_an_exact_observation_just_before_it(catalog: Catalog) -> None:
    await hear(catalog, push(50, 1), push(51, 2, tag="2"), push(52, 3, tag="3"), pull(100, 2))

    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(3)), at(200)))

    assert [entry[0] for entry in (await catalog.changes())[APP, "1"]] == [digest(1), digest(3)]


async def test_pull_is_not_kept_when_the_registry_names_what_is_known(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), push(1, 2, tag="2"), pull(100, 2))

    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(1)), at(200)))

    assert [entry[0] for entry in (await catalog.changes())[APP, "1"]] == [digest(1)]
    assert await catalog.questions() == set()


async def test_own_requests_never_ask(catalog: Catalog) -> None:
    own = pull(10, 9).item()
    own["request"]["useragent"] = "regdex/0.1 (+https://github.com/regdex/regdex)"
    events = tell([pull(10, 9)], received_at=at(11))
    (event,) = events

    await catalog.record([replace(event, user_agent=own["request"]["useragent"])])

    assert await catalog.questions() == set()


async def test_late_event_that_is_not_the_last_word_is_asked_about(catalog: Catalog) -> None:
    """The clock may be behind, or the delivery late: only the registry knows."""
    await hear(catalog, push(1000, 1))

    await hear(catalog, push(0, 2), received=1100)

    assert (await catalog.tags())[APP, "1"][0] == digest(1)
    assert await catalog.questions() == {(APP, "1")}


async def test_event_that_loses_against_an_older_scan_is_asked_about(catalog: Catalog) -> None:
    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), at(100)))

    await hear(catalog, push(90, 2), received=101)

    assert (await catalog.tags())[APP, "1"][0] == digest(1)
    assert await catalog.questions() == {(APP, "1")}


async def test_event_that_was_received_before_what_was_seen_last_is_not_asked_about(catalog: Catalog) -> None:
    """It had happened by then: recording it late makes it no last word, and answers stay complete."""
    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), at(100)))
    await catalog.scan(ManifestScan(APP, Digest.parse(digest(2)), False, at(100)))

    await hear(catalog, push(90, 2), received=99)

    assert (await catalog.tags())[APP, "1"][0] == digest(1)
    assert not (await catalog.manifests())[APP, digest(2)][0]
    assert await catalog.questions() == set()


async def test_scan_that_contradicts_the_event_of_a_manifest_is_asked_about(catalog: Catalog) -> None:
    await hear(catalog, Happening(100, "push", APP, "", 1, id=1))

    await catalog.scan(ManifestScan(APP, Digest.parse(digest(1)), False, at(103)))

    assert (await catalog.manifests())[APP, digest(1)][0]
    assert await catalog.questions() == {(APP, digest(1))}


async def test_order_of_a_delivery_is_not_asked_about(catalog: Catalog) -> None:
    events = tell([push(0, 1), push(1, 2), push(2, 1)], received_at=at(3))

    await catalog.record(events)
    await catalog.record(tell([push(0, 1), push(1, 2), push(2, 1)], id=2, received_at=at(4)))

    assert await catalog.questions() == set()


async def test_ties_across_deliveries_are_asked_about_and_the_answer_decides(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), replace(push(0, 2), id=5))
    assert await catalog.questions() == {(APP, "1")}

    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(1)), at(10)))

    (current,) = (await catalog.tags()).values()
    assert (current[0], current[1], current[3]) == (digest(1), at(0), True)
    assert await catalog.questions() == set()


async def test_no_time_of_a_skewed_registry_is_exact_and_each_event_asks(catalog: Catalog) -> None:
    await catalog.db.execute("UPDATE registry SET skew_seconds = -3600")

    await hear(catalog, push(0, 1))

    assert (await catalog.tags())[APP, "1"][3] is False
    assert await catalog.questions() == {(APP, "1"), (APP, digest(1))}


async def test_no_scan_lies_in_the_future(catalog: Catalog) -> None:
    ahead = datetime.now(UTC) + timedelta(days=30)

    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), ahead))

    assert await catalog.db.fetchval("SELECT max(at) <= now() FROM tag_event")


@pytest.mark.parametrize("skew", [-3600.0, -4.0, 0.0, 4.0, 3600.0])
async def test_scan_is_on_the_clock_of_the_registry_unless_that_is_far_from_ours(catalog: Catalog, skew: float) -> None:
    now = await catalog.db.fetchval("SELECT clock_timestamp()")
    answered = Answered(now + timedelta(seconds=skew), time.monotonic(), now)

    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), answered.at, answered))

    found = await catalog.db.fetchval("SELECT at FROM tag_event")
    expected = skew if -5 < skew < 0 else 0
    assert abs((found - now).total_seconds() - expected) < 2
    stored = await catalog.db.fetchval("SELECT skew_seconds FROM registry")
    assert abs(stored - skew) < 3


@pytest.mark.parametrize("is_scan_first", [True, False])
@pytest.mark.parametrize("ago", [29.0, 21.0, 15.0, 6.0, 1.0])
async def test_event_during_a_slow_answer_is_later_than_the_answer_or_in_doubt(
    catalog: Catalog, ago: float, is_scan_first: bool
) -> None:
    """The registry had read what it answers before the event, and took 30 s to send it."""
    now = await catalog.db.fetchval("SELECT clock_timestamp()")
    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), now - timedelta(seconds=60)))
    answered = Answered(now, time.monotonic(), now, took_seconds=30)
    scan = TagScan(APP, "1", Digest.parse(digest(1)), answered.at, answered)
    (event,) = tell([Happening(0, "push", APP, "1", 2, id=1)], received_at=now - timedelta(seconds=ago - 0.1))
    moved = replace(event, told_at=now - timedelta(seconds=ago))

    if is_scan_first:
        await catalog.scan(scan)
    await catalog.record([moved])
    if not is_scan_first:
        await catalog.scan(scan)

    assert (await catalog.tags())[APP, "1"][0] == digest(2)


async def test_clock_that_jumped_back_does_not_hide_what_the_registry_says_now(catalog: Catalog) -> None:
    """The registry's clock was right, then it was set an hour back, and the tag was moved."""
    now = await catalog.db.fetchval("SELECT clock_timestamp()")
    right = tell([Happening(0, "push", APP, "1", 1, id=1)], received_at=now)
    (event,) = right
    await catalog.record([replace(event, told_at=now - timedelta(seconds=60))])
    back = tell([Happening(0, "push", APP, "1", 2, id=2)], id=2, received_at=now)
    await catalog.record([replace(back[0], told_at=now - timedelta(seconds=3590))])
    assert await catalog.questions() == {(APP, "1")}

    answered = Answered(now - timedelta(seconds=3600), time.monotonic(), now)
    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(2)), answered.at, answered))

    assert (await catalog.tags())[APP, "1"][0] == digest(2)


async def test_what_a_pull_has_raised_is_dropped_once_its_push_is_told(catalog: Catalog) -> None:
    """A client looks for a manifest before it pushes it."""
    await hear(catalog, push(0, 1))
    await hear(catalog, pull(20, 2, tag=""), pull(20.01, 2))
    assert await catalog.questions() == {(APP, "1"), (APP, digest(2))}

    await hear(catalog, push(20.02, 2))

    assert await catalog.questions() == set()


async def test_contradiction_is_not_dropped_because_a_pull_said_the_same(catalog: Catalog) -> None:
    await hear(catalog, push(1000, 1), pull(1000.5, 2))
    await hear(catalog, push(0, 2), received=1100)  # late: is it the last word?

    await hear(catalog, Happening(1001, "pull", APP, "1", 1, id=9))

    assert (APP, "1") in await catalog.questions()


async def test_tag_that_went_with_its_manifest_at_an_impossible_time_is_asked_about(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1))

    await hear(catalog, Happening(3600, "manifest", APP, "", 1, id=9), received=1)

    assert await catalog.questions() == {(APP, "1"), (APP, digest(1))}


async def test_pulls_that_go_on_do_not_put_the_question_off(catalog: Catalog) -> None:
    await hear(catalog, push(0, 1), pull(20, 2))
    due_at = await catalog.db.fetch(DUE)

    await hear(catalog, pull(21, 2), pull(22, 2))

    assert await catalog.db.fetch(DUE) == due_at


async def test_scan_that_has_crossed_an_event_is_asked_about_to_be_sure(catalog: Catalog) -> None:
    """The tag may have moved back since without our being told."""
    await hear(catalog, push(0, 1), push(10, 2))

    await catalog.scan(TagScan(APP, "1", Digest.parse(digest(1)), at(10.4)))

    assert await catalog.questions() == set()
    (row,) = await catalog.db.fetch("SELECT reference, is_check FROM question")
    assert tuple(row) == ("1", True)
    await answer(catalog, TagScan(APP, "1", Digest.parse(digest(1)), at(20)))
    assert (await catalog.tags())[APP, "1"][0] == digest(1)
