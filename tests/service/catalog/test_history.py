"""The history of a tag, over both transports."""

from datetime import timedelta

import pytest

from tests.harness.asking import Asker, Refused
from tests.harness.seed import Seed, at, digest_of


@pytest.fixture
async def repository(seed: Seed) -> int:
    await seed.registry("prod", reconciled_at=at(5))
    repository = await seed.repository("prod", "team/app", tag_count=0)
    await seed.tag_event(repository, "1.4", "first", at(1), actor="alice")
    await seed.tag_event(repository, "1.4", "second", at(2), actor="bob")
    await seed.tag_event(repository, "1.4", "second", at(2.5))
    await seed.tag_event(repository, "1.4", None, at(3))
    await seed.tag_event(repository, "1.4", "first", at(4), scan=True)
    await seed.manifest_event(repository, "first", at(5), present=False)
    return repository


async def history(asker: Asker, **fields: object) -> list[dict[str, object]]:
    answer = await asker.ask("ListTagHistory", registry="prod", repository="team/app", tag="1.4", **fields)
    assert answer["complete"] is True
    return list(answer["entries"])


@pytest.mark.usefixtures("repository")
async def test_changes_are_listed_newest_first(asker: Asker) -> None:
    entries = await history(asker)

    first, second = digest_of("first"), digest_of("second")
    assert [(e["change"], e["digest"], e["previous_digest"], e["source"]) for e in entries] == [
        ("deleted", "", first, "event"),
        ("created", first, "", "scan"),
        ("deleted", "", second, "event"),
        ("moved", second, first, "event"),
        ("created", first, "", "event"),
    ]
    assert [e["at"] for e in entries] == [f"2026-11-20T12:0{minute}:00Z" for minute in (5, 4, 3, 2, 1)]
    assert [e["actor"] for e in entries] == ["", "", "", "bob", "alice"]
    assert [e["exact"] for e in entries] == [True, False, True, True, True]
    assert entries[1]["not_before"] == "2026-11-20T12:03:00Z"


@pytest.mark.usefixtures("repository")
async def test_history_is_cut_by_time(asker: Asker) -> None:
    entries = await history(asker, since=at(2), until=at(4))

    assert [e["change"] for e in entries] == ["deleted", "moved"]


@pytest.mark.usefixtures("repository")
async def test_history_is_paged(asker: Asker) -> None:
    whole = await history(asker)
    pieces: list[dict[str, object]] = []
    token = ""
    while True:
        answer = await asker.ask(
            "ListTagHistory", registry="prod", repository="team/app", tag="1.4", page_size=2, page_token=token
        )
        pieces += answer["entries"]
        token = answer["next_page_token"]
        if not token:
            break

    assert pieces == whole


async def test_changes_of_one_instant_are_paged_one_by_one(repository: int, seed: Seed, asker: Asker) -> None:
    for name in ("x", "y", "z"):
        await seed.tag_event(repository, "1.4", name, at(10))

    whole = await history(asker)
    answer = await asker.ask("ListTagHistory", registry="prod", repository="team/app", tag="1.4", page_size=1)
    pieces = answer["entries"]
    while answer["next_page_token"]:
        answer = await asker.ask(
            "ListTagHistory",
            registry="prod",
            repository="team/app",
            tag="1.4",
            page_size=1,
            page_token=answer["next_page_token"],
        )
        pieces += answer["entries"]

    assert pieces == whole
    assert len(whole) == 8


@pytest.mark.usefixtures("repository")
async def test_a_tag_that_was_never_seen_has_no_history(asker: Asker) -> None:
    for repository, tag in (("team/app", "never"), ("team/never", "1.4")):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await asker.ask("ListTagHistory", registry="prod", repository=repository, tag=tag)


async def test_moves_that_the_clock_of_the_registry_cannot_order_are_not_exact(seed: Seed, asker: Asker) -> None:
    """As it is now, and as it was."""
    await seed.registry("seconds", reconciled_at=at(5), time_resolution_seconds=1.0)
    repository = await seed.repository("seconds", "team/app")
    for name, when in (("x", at(1)), ("y", at(1) + timedelta(seconds=1)), ("z", at(3))):
        await seed.tag_event(repository, "1", name, when)
    place = {"registry": "seconds", "repository": "team/app"}

    entries = (await asker.ask("ListTagHistory", **place, tag="1"))["entries"]
    assert [entry["exact"] for entry in entries] == [True, False, False]
    for when, exact in ((at(2), False), (at(4), True)):
        (tag,) = (await asker.ask("ListTags", **place, as_of=when))["tags"]
        assert tag["exact"] is exact
        reference = await asker.ask("ResolveReference", reference="seconds.example.com/team/app:1", as_of=when)
        assert reference["exact"] is exact
