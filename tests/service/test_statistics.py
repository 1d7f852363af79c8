"""GetDownloads and ListTopRepositories over counts of pulls that were really recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from indexer.counting.pulls import Pull
from indexer.counting.rederiving import rederive
from regdex.counting import RULE
from regdex.database import Pool
from regdex.errors import InvalidArgument, NotFound
from regdex.store.pulls.rankings import refresh_downloads_30d
from service.caller import Caller, Scope
from service.context import Context
from service.models.message import read_request
from service.models.statistics import (
    GetDownloadsRequest,
    GetDownloadsResponse,
    ListTopRepositoriesRequest,
    ListTopRepositoriesResponse,
)
from service.statistics import get_downloads, list_top_repositories
from tests.harness.asking import Asker
from tests.harness.pulls import AMD64, ARM64, INDEX, NINE, PERSON, PLAIN, REGDEX, learn, make_catalog, record

EVERYTHING = Caller(scope=Scope.READ)
NOTHING = Caller(scope=Scope.READ, project_ids=frozenset())
APP: dict[str, Any] = {"registry": "prod", "repository": "team/app-1"}
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAY_START = NINE.replace(hour=0)


def asked(
    at: datetime, digest: int, tag: str | None = None, *, head: bool = False, client: int = PERSON, repository: int = 1
) -> Pull:
    return Pull(repository, at, uuid4(), digest, client, head, tag, at)


def pull(at: datetime, tag: str, platform: int = AMD64, *, repository: int = 1) -> list[Pull]:
    """As Docker does it: one download, three requests."""
    return [
        asked(at, INDEX, tag, head=True, repository=repository),
        asked(at + timedelta(seconds=1), INDEX, repository=repository),
        asked(at + timedelta(seconds=2), platform, repository=repository),
    ]


@pytest_asyncio.fixture
async def catalog(db: Pool) -> Pool:
    """Repository 1: two tags over three hours and two days; repository 2: one download; Regdex looked at both."""
    await make_catalog(db, repositories=3)
    await learn(db)
    await rederive(db)
    await record(
        db,
        [
            *pull(NINE, "1.4"),
            *pull(NINE + HOUR / 2, "1.4", ARM64),
            *pull(NINE + HOUR, "1.5"),
            asked(NINE + 2 * HOUR, PLAIN, "check", head=True),
            *pull(NINE - DAY, "1.4"),
            *pull(NINE, "latest", repository=2),
            asked(NINE, PLAIN, "2", client=REGDEX),
            asked(NINE, PLAIN, "2", client=REGDEX, repository=2),
        ],
    )
    return db


async def downloads(db: Pool, caller: Caller = EVERYTHING, **fields: Any) -> dict[str, Any]:
    answer = await get_downloads(Context(db), caller, read_request(GetDownloadsRequest, fields))
    GetDownloadsResponse.model_validate(answer)
    return answer


async def top(db: Pool, caller: Caller = EVERYTHING, **fields: Any) -> list[tuple[str, int]]:
    answer = await list_top_repositories(Context(db), caller, read_request(ListTopRepositoriesRequest, fields))
    ListTopRepositoriesResponse.model_validate(answer)
    return [(row["repository"], row["downloads"]) for row in answer["repositories"]]


def since(at: datetime) -> dict[str, Any]:
    return {"from": at}


def told(answer: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(bucket[name] for name in names) for bucket in answer["buckets"]]


async def test_one_bucket_for_the_last_thirty_days(catalog: Pool) -> None:
    answer = await downloads(catalog, **APP)

    assert (answer["downloads"], answer["version_checks"], answer["requests"]) == (4, 1, 13)
    assert told(answer, "downloads", "version_checks", "requests") == [(4, 1, 13)]
    assert answer["rule"] == 1


# What may be asked for, with and without a repository: all but the range.
QUESTIONS: list[dict[str, Any]] = [
    {**place, **interval, **groups}
    for place in ({}, {"registry": "prod"}, APP, {**APP, "tag": "1.4"})
    for interval in ({}, {"interval": "hour"}, {"interval": "day"}, {"interval": "month"})
    for groups in ({}, {"group_by": ["tag"]}, {"group_by": ["tag", "platform"]})
]


@pytest.mark.parametrize("ends", [{}, {"to": NINE + DAY / 3}], ids=["until now", "until a time"])
async def test_no_question_is_refused_for_the_range_it_leaves_out(
    catalog: Pool, asker: Asker, ends: dict[str, Any]
) -> None:
    for question in QUESTIONS:
        answer = await asker.ask("GetDownloads", **question, **ends)
        assert answer["rule"] == RULE, question


async def test_by_the_hour_the_range_left_out_is_a_week(catalog: Pool, asker: Asker) -> None:
    """Of one that is there, a day before, and of these."""
    await record(catalog, pull(NINE - 6 * DAY, "1.4") + pull(NINE - 8 * DAY, "1.4"))

    by_hour = await asker.ask("GetDownloads", **APP, to=NINE, interval="hour")
    by_day = await asker.ask("GetDownloads", **APP, to=NINE, interval="day")

    assert (by_hour["downloads"], by_day["downloads"]) == (2, 3)


async def test_by_hour_tag_and_platform(catalog: Pool) -> None:
    answer = await downloads(catalog, **APP, **since(NINE + HOUR / 3), interval="hour", group_by=["tag", "platform"])

    assert told(answer, "start", "tag", "platform", "downloads", "version_checks", "requests") == [
        (NINE, "1.4", "linux/amd64", 1, 0, 3),
        (NINE, "1.4", "linux/arm64/v8", 1, 0, 3),
        (NINE + HOUR, "1.5", "linux/amd64", 1, 0, 3),
        (NINE + 2 * HOUR, "check", "linux/amd64", 0, 1, 1),
    ]


@pytest.mark.parametrize("filters", [APP, {"registry": "prod"}, {}])
async def test_whole_days_and_their_edges_add_up(catalog: Pool, filters: dict[str, Any]) -> None:
    other = 0 if "repository" in filters else 1

    answer = await downloads(catalog, **filters, to=NINE + HOUR, interval="day", **since(NINE - DAY))
    before = await downloads(catalog, **filters, to=NINE + HOUR, **since(NINE - DAY + HOUR))
    within = await downloads(catalog, **filters, to=NINE + HOUR, **since(NINE))

    assert told(answer, "start", "downloads") == [(DAY_START - DAY, 1), (DAY_START, 2 + other)]
    assert before["downloads"] == within["downloads"] == 2 + other


async def test_by_month(catalog: Pool) -> None:
    answer = await downloads(catalog, **APP, interval="month")

    assert {start.day for (start,) in told(answer, "start")} == {1}
    assert sum(count for (count,) in told(answer, "downloads")) == 4


async def test_tag_and_digest_filter(catalog: Pool) -> None:
    digest = await catalog.fetchval("SELECT 'sha256:' || encode(hash, 'hex') FROM digest WHERE id = $1", INDEX)

    assert (await downloads(catalog, **APP, tag="1.5"))["downloads"] == 1
    assert (await downloads(catalog, **APP, digest=digest))["downloads"] == 4
    assert (await downloads(catalog, **APP, digest=digest, tag="1.5"))["downloads"] == 1


async def test_what_was_never_pulled_has_no_buckets(catalog: Pool) -> None:
    for fields in ({"tag": "none"}, {"digest": f"sha256:{'0' * 64}"}, {"repository": "team/app-3"}):
        answer = await downloads(catalog, **{**APP, **fields})
        assert (answer["buckets"], answer["downloads"]) == ([], 0)


async def test_over_all_repositories_by_platform(catalog: Pool) -> None:
    answer = await downloads(catalog, group_by=["platform"], **since(NINE - 2 * DAY))

    assert told(answer, "platform", "downloads", "version_checks") == [("linux/amd64", 4, 1), ("linux/arm64/v8", 1, 0)]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"repository": "team/app-1"}, "registry"),
        ({"registry": "prod", "tag": "1.4"}, "repository"),
        ({"registry": "prod", "digest": f"sha256:{'0' * 64}"}, "repository"),
        ({**APP, "from": NINE, "to": NINE}, "from"),
        ({**APP, "from": NINE - 40 * DAY, "interval": "hour"}, "from"),
        ({**APP, "from": NINE - 800 * DAY, "interval": "day"}, "from"),
        ({"group_by": ["tag"], "from": NINE - 8 * DAY}, "from"),
        ({**APP, "to": datetime(1, 1, 1, tzinfo=UTC)}, "from"),
        ({**APP, "from": datetime(9999, 12, 31, 23, tzinfo=UTC), "to": datetime.max.replace(tzinfo=UTC)}, "from"),
        ({**APP, "interval": "week"}, "interval"),
        ({**APP, "group_by": ["client"]}, "group_by"),
        ({**APP, "digest": "sha256:1"}, "a digest"),
    ],
)
async def test_a_range_or_filter_that_cannot_be_is_named(catalog: Pool, fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{named}"):
        await downloads(catalog, **fields)


async def test_not_there_and_not_visible_are_the_same(catalog: Pool) -> None:
    for caller, fields in (
        (EVERYTHING, {**APP, "repository": "team/none"}),
        (EVERYTHING, {"registry": "none"}),
        (NOTHING, APP),
        (NOTHING, {"registry": "prod"}),
    ):
        with pytest.raises(NotFound):
            await downloads(catalog, caller, **fields)
    assert (await downloads(catalog, NOTHING))["downloads"] == 0
    assert await top(catalog, NOTHING) == []


async def test_the_most_downloaded_come_first(catalog: Pool) -> None:
    assert await top(catalog) == [("team/app-1", 4), ("team/app-2", 1)]
    assert await top(catalog, limit=1, registry="prod", project="team") == [("team/app-1", 4)]
    assert await top(catalog, project="") == []
    assert await top(catalog, window="365d") == await top(catalog, window="30d")


async def test_a_shorter_window_has_an_order_of_its_own(catalog: Pool) -> None:
    now = await catalog.fetchval("SELECT now()")
    await record(catalog, [p for n in range(2) for p in pull(now - n * HOUR / 60 * 5, "new", repository=3)])

    assert (await top(catalog, window="1d"))[0] == ("team/app-3", 2)
    assert (await top(catalog))[0] == ("team/app-1", 4)


async def test_the_order_is_exact_with_bounds_that_are_too_high(catalog: Pool) -> None:
    # As after midnight, before the hourly refresh: more than a hundred candidates promise more than they have.
    await catalog.execute(
        """
        INSERT INTO repository (registry_id, project_id, name, downloads_30d)
        SELECT 1, 1, 'team/faded-' || number, 1000 + number FROM generate_series(1, 300) AS number
        """
    )

    assert await top(catalog, limit=2) == [("team/app-1", 4), ("team/app-2", 1)]


async def test_equal_downloads_are_ordered_by_name(catalog: Pool) -> None:
    await record(catalog, pull(NINE, "latest", repository=3))

    assert await top(catalog) == [("team/app-1", 4), ("team/app-2", 1), ("team/app-3", 1)]


@pytest.mark.parametrize("window", ["", "0d", "366d", "30", "d", "-1d", "1h", "030d", "٣d"])
async def test_a_window_is_1_to_365_days(catalog: Pool, window: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^window"):
        await top(catalog, window=window)


async def test_the_refresh_takes_off_old_days_and_queues_what_changed_much(catalog: Pool) -> None:
    assert await refresh_downloads_30d(catalog) == 2
    assert [row["repository_id"] for row in await catalog.fetch("SELECT repository_id FROM outbox ORDER BY 1")] == [
        1,
        2,
    ]
    assert await refresh_downloads_30d(catalog) == 0
    await catalog.execute("DELETE FROM outbox")

    await record(catalog, pull(NINE + 3 * HOUR, "1.5"))
    assert await refresh_downloads_30d(catalog) == 0
    await catalog.execute("UPDATE download_day SET day = day - 40 WHERE repository_id = 2")
    assert await refresh_downloads_30d(catalog) == 1

    assert await catalog.fetchval("SELECT array_agg(repository_id) FROM outbox") == [2]
    assert await catalog.fetchval("SELECT array_agg(downloads_30d ORDER BY id) FROM repository") == [5, 0, 0]
