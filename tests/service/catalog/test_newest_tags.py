"""What is shown first of a registry that was full before Regdex was: tags, repositories and hits."""

from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path

import pytest

from indexer.publisher import rebuild
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from service.process import serving
from tests.harness.asking import Asker, RestAsker, RpcAsker
from tests.harness.seed import Seed, at
from tests.service.conftest import LOCAL

SIGNATURE = "sha256-" + "a" * 64 + ".sig"
YEAR = -365 * 24 * 60


@pytest.fixture
async def repository(seed: Seed) -> int:
    """First seen at 12:10: releases created in this year, some without a time, two moves, a signature by its type."""
    await seed.registry("prod", reconciled_at=at(5))
    repository = await seed.repository("prod", "team/app", tag_count=0)
    for number, minutes in (("9.0.0", -300), ("38.0.0", -200), ("39.0.0", -100)):
        await seed.image(number, created_at=at(minutes))
        await seed.tag(repository, number, number, at(10), scan=True)
    await seed.tag(repository, "latest", "39.0.0", at(10), scan=True)
    await seed.image("1980", created_at=at(46 * YEAR))
    await seed.image("future", created_at=at(11))
    for tag, digest in (("1.10", "1980"), ("1.10-rc1", "future"), ("1.9", "unread")):
        await seed.tag(repository, tag, digest, at(10 - len(tag)), scan=True)
    await seed.image("pushed", created_at=at(46 * YEAR))
    await seed.tag(repository, "pushed", "pushed", at(-150))
    await seed.image("sbom", config_media_type="application/spdx+json")
    await seed.tag(repository, "sbom", "sbom", at(20))
    await seed.tag(repository, SIGNATURE, "signature", at(20))
    await seed.db.execute("UPDATE repository SET tag_count = (SELECT count(*) FROM tag)")
    await seed.sort_tags()
    return repository


# Those without a time are sorted by the day on which they were seen first.
NEWEST = ["latest", "39.0.0", "pushed", "38.0.0", "9.0.0", "1.10", "1.10-rc1", "1.9"]
VERSIONS = ["latest", "39.0.0", "38.0.0", "9.0.0", "1.10", "1.10-rc1", "1.9", "pushed"]


async def listed(asker: Asker, page_size: int, **fields: object) -> list[str]:
    pages, token = [], ""
    while True:
        answer = await asker.ask(
            "ListTags", registry="prod", repository="team/app", page_size=page_size, page_token=token, **fields
        )
        pages.append([tag["tag"] for tag in answer["tags"]])
        token = answer["next_page_token"]
        if not token:
            return list(chain(*pages))


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("page_size", [1, 3, 50])
@pytest.mark.parametrize("past", [{}, {"as_of": at(50)}])
async def test_tags_are_listed_newest_first_or_by_version(
    asker: Asker, page_size: int, past: dict[str, object]
) -> None:
    assert await listed(asker, page_size, order_by="pushed_at", **past) == NEWEST
    assert await listed(asker, page_size, order_by="version", **past) == VERSIONS
    assert await listed(asker, page_size, **past) == sorted(NEWEST)
    everything = await listed(asker, page_size, order_by="pushed_at", include_artifacts=True, **past)
    assert everything == [SIGNATURE, "sbom", *NEWEST]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("past", [{}, {"as_of": at(50)}])
async def test_the_minute_of_a_scan_is_no_push(asker: Asker, past: dict[str, object]) -> None:
    found = await asker.ask("GetTag", registry="prod", repository="team/app", tag="39.0.0", **past)
    pushed = await asker.ask("GetTag", registry="prod", repository="team/app", tag="pushed", **past)

    assert (found["pushed_at"], found["exact"], found["not_before"]) == (None, False, None)
    assert (found["first_seen_at"], found["created_at"]) == ("2026-11-20T12:10:00Z", "2026-11-20T10:20:00Z")
    assert (pushed["pushed_at"], pushed["exact"]) == ("2026-11-20T09:30:00Z", True)
    resolved = await asker.ask("ResolveReference", reference="prod.example.com/team/app:39.0.0", **past)
    assert (resolved["pushed_at"], resolved["first_seen_at"]) == (None, "2026-11-20T12:10:00Z")


async def test_a_move_that_a_scan_found_is_newer_than_what_was_there_before(
    repository: int, seed: Seed, asker: Asker
) -> None:
    """`stable` was moved back to an old image between 12:30 and 12:40."""
    await seed.tag_event(repository, "stable", "39.0.0", at(10), scan=True, confirmed_at=at(30))
    await seed.tag_event(repository, "stable", "9.0.0", at(40), scan=True)
    await seed.db.execute(
        "INSERT INTO tag (repository_id, tag, digest_id, pushed_at, not_before, source, exact) "
        "VALUES ($1, 'stable', $2, $3, $4, 2, false)",
        repository,
        await seed.digest("9.0.0"),
        at(40),
        at(30),
    )
    await seed.sort_tags()

    for past in ({}, {"as_of": at(50)}):
        assert await listed(asker, 50, order_by="pushed_at", **past) == ["stable", *NEWEST]
        tag = await asker.ask("GetTag", registry="prod", repository="team/app", tag="stable", **past)
        assert (tag["pushed_at"], tag["not_before"]) == ("2026-11-20T12:40:00Z", "2026-11-20T12:30:00Z")


@pytest.mark.usefixtures("repository")
async def test_auxiliary_tags_are_counted_apart(asker: Asker) -> None:
    one = await asker.ask("GetRepository", registry="prod", repository="team/app")
    (listed,) = (await asker.ask("ListRepositories"))["repositories"]
    (project,) = (await asker.ask("ListProjects"))["projects"]
    registry = await asker.ask("GetRegistry", registry="prod")

    assert one == listed
    assert (one["tag_count"], one["artifact_tag_count"]) == (8, 2)
    assert project["tag_count"] == registry["tag_count"] == 8


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, (None, "2026-11-20T12:00:00Z")),
        ({"sighted_at": at(10)}, (None, "2026-11-20T12:10:00Z")),
        ({"sighted_at": at(10), "pushed_at": at(3)}, ("2026-11-20T12:03:00Z", None)),
    ],
)
async def test_a_repository_says_before_when_it_was_pushed(
    seed: Seed, asker: Asker, columns: dict[str, object], expected: tuple[object, object]
) -> None:
    await seed.registry("prod")
    await seed.repository("prod", "team/app", **columns)

    answer = await asker.ask("GetRepository", registry="prod", repository="team/app")

    assert (answer["pushed_at"], answer["pushed_before"]) == expected


@pytest.fixture(params=["rest", "grpc"])
async def searcher(request: pytest.FixtureRequest, repository: int, seed: Seed, tmp_path: Path) -> AsyncIterator[Asker]:
    await seed.db.execute("UPDATE repository SET sighted_at = $1 WHERE id = $2", at(10), repository)
    writer, index = TantivyWriter(tmp_path / "search"), TantivyIndex(tmp_path / "search")
    async with seed.db.acquire() as conn:
        await rebuild(conn, writer)
    async with serving(LOCAL, seed.db, index) as addresses:
        yield RestAsker(addresses.rest) if request.param == "rest" else RpcAsker(addresses.grpc)
    await index.close()
    await writer.close()


async def test_hits_and_suggestions_show_the_newest_first(searcher: Asker) -> None:
    (hit,) = (await searcher.ask("SearchRepositories", q="app"))["hits"]
    (asked,) = (await searcher.ask("SearchRepositories", q="app:*"))["hits"]
    suggested = (await searcher.ask("SuggestRepositories", q="app:", limit=20))["suggestions"]

    assert hit["tags"] == asked["matched_tags"] == NEWEST
    assert [suggestion["tag"] for suggestion in suggested] == NEWEST
    assert (hit["tag_count"], hit["pushed_at"], hit["pushed_before"]) == (8, None, "2026-11-20T12:10:00Z")
