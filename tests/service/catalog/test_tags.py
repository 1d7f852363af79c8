"""Tags, now and as they were, over both transports."""

import pytest

from regdex.store.content.indexes import refresh_partial_indexes
from tests.harness.asking import Asker, Refused
from tests.harness.seed import IMAGE, Seed, at, digest_of

ARTIFACT_TAG = "sha256-" + "a" * 64 + ".sig"


@pytest.fixture
async def repository(seed: Seed) -> int:
    await seed.registry("prod", reconciled_at=at(5))
    repository = await seed.repository("prod", "team/app")
    await seed.image("new", layers=("base", "app"), platform="linux/arm64/v8")
    await seed.tag(repository, "1.0", "old", at(1), actor="alice")
    await seed.tag(repository, "1.1", "new", at(3))
    await seed.tag(repository, "latest", "new", at(2))
    await seed.tag(repository, ARTIFACT_TAG, "signature", at(4))
    return repository


async def names(asker: Asker, **fields: object) -> list[str]:
    answer = await asker.ask("ListTags", registry="prod", repository="team/app", **fields)
    return [tag["tag"] for tag in answer["tags"]]


@pytest.mark.usefixtures("repository")
async def test_a_tag_says_what_it_points_to(asker: Asker) -> None:
    tag = await asker.ask("GetTag", registry="prod", repository="team/app", tag="1.1")

    assert tag == {
        "registry": "prod",
        "repository": "team/app",
        "tag": "1.1",
        "digest": digest_of("new"),
        "media_type": IMAGE,
        "artifact_type": "",
        "total_size_bytes": 21_500,
        "platforms": ["linux/arm64/v8"],
        "created_at": "2026-11-20T12:00:00Z",
        "pushed_at": "2026-11-20T12:03:00Z",
        "exact": True,
        "not_before": None,
        "actor": "",
        "indexed": True,
        "first_seen_at": "2026-11-20T12:03:00Z",
    }


@pytest.mark.usefixtures("repository")
async def test_a_tag_whose_manifest_has_not_been_read_is_not_indexed(asker: Asker) -> None:
    tag = await asker.ask("GetTag", registry="prod", repository="team/app", tag="1.0")

    assert (tag["indexed"], tag["media_type"], tag["created_at"], tag["actor"]) == (False, "", None, "alice")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["1.0", "1.1", "latest"]),
        ({"order_by": "pushed_at"}, ["1.1", "latest", "1.0"]),
        ({"match": "1.*"}, ["1.0", "1.1"]),
        ({"match": "1.*", "order_by": "pushed_at"}, ["1.1", "1.0"]),
        ({"order_by": "version"}, ["latest", "1.1", "1.0"]),
        ({"include_artifacts": True, "order_by": "version"}, ["latest", "1.1", "1.0", ARTIFACT_TAG]),
        ({"match": "?????t"}, ["latest"]),
        ({"include_artifacts": True}, ["1.0", "1.1", "latest", ARTIFACT_TAG]),
        ({"include_artifacts": True, "order_by": "pushed_at"}, [ARTIFACT_TAG, "1.1", "latest", "1.0"]),
        ({"match": "nothing*"}, []),
    ],
)
@pytest.mark.parametrize("as_of", [None, at(50)])
async def test_tags_are_listed(asker: Asker, fields: dict[str, object], expected: list[str], as_of: object) -> None:
    past = {} if as_of is None else {"as_of": as_of}

    assert await names(asker, **fields, **past) == expected

    pieces, token = [], ""
    for _ in range(len(expected) or 1):
        answer = await asker.ask(
            "ListTags", registry="prod", repository="team/app", page_size=1, page_token=token, **fields, **past
        )
        pieces += [tag["tag"] for tag in answer["tags"]]
        token = answer["next_page_token"]
    assert pieces == expected
    assert token == ""


@pytest.mark.usefixtures("repository")
async def test_a_list_says_how_far_it_is_known(asker: Asker) -> None:
    answer = await asker.ask("ListTags", registry="prod", repository="team/app", match="nothing")

    assert answer["indexed_through"] == "2026-11-20T13:40:00Z"
    assert answer["complete"] is True


async def test_tags_as_they_were(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.tag_event(repository, "moved", "first", at(10), actor="bob")
    await seed.tag_event(repository, "moved", "second", at(20))
    await seed.tag_event(repository, "gone", "third", at(10))
    await seed.tag_event(repository, "gone", None, at(20))
    await seed.tag_event(repository, "taken", "fourth", at(10))
    await seed.manifest_event(repository, "fourth", at(20), present=False)

    async def digest_at(minutes: float, tag: str) -> str:
        answer = await asker.ask("GetTag", registry="prod", repository="team/app", tag=tag, as_of=at(minutes))
        return str(answer["digest"])

    assert await names(asker, as_of=at(9.99)) == ["1.0", "1.1", "latest"]
    assert await names(asker, as_of=at(10)) == ["1.0", "1.1", "gone", "latest", "moved", "taken"]
    assert await names(asker, as_of=at(20)) == ["1.0", "1.1", "latest", "moved"]
    assert await digest_at(19.99, "moved") == digest_of("first")
    assert await digest_at(20, "moved") == digest_of("second")
    for minutes, tag in ((9, "moved"), (20, "gone"), (20, "taken"), (15, "never")):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await digest_at(minutes, tag)


async def test_a_deleted_repository_takes_all_its_tags(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.repository_gone(repository, at(30))

    assert await names(asker, as_of=at(29)) == ["1.0", "1.1", "latest"]
    assert await names(asker, as_of=at(30)) == []


async def test_a_scan_tells_the_past_no_better_than_it_knows(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.tag_event(repository, "scanned", "first", at(10), scan=True, confirmed_at=at(15))
    await seed.tag_event(repository, "scanned", "second", at(25), scan=True)

    tag = await asker.ask("GetTag", registry="prod", repository="team/app", tag="scanned", as_of=at(25))

    assert tag["digest"] == digest_of("second")
    assert tag["exact"] is False
    assert tag["not_before"] == "2026-11-20T12:15:00Z"
    assert tag["pushed_at"] == "2026-11-20T12:25:00Z"


async def test_more_tags_than_one_read_takes_are_all_listed_as_of(repository: int, seed: Seed, asker: Asker) -> None:
    for number in range(450):
        await seed.tag_event(repository, f"b{number:04d}", "same", at(10))

    assert len(await names(asker, as_of=at(11), match="b*", page_size=1000)) == 450
    assert len(await names(asker, as_of=at(9), match="b*", page_size=1000)) == 0


async def test_platforms_are_those_of_the_manifests_that_are_there(repository: int, seed: Seed, asker: Asker) -> None:
    """`arm` was there until minute 20, `s390` never."""
    platforms = {"amd": "linux/amd64", "arm": "linux/arm64/v8", "s390": "linux/s390x"}
    await seed.index("multi", platforms)
    await seed.tag(repository, "multi", "multi", at(5))
    await seed.manifest_event(repository, "arm", at(5), present=True)
    await seed.manifest_event(repository, "arm", at(20), present=False)
    await seed.present(repository, "arm", at(5), present=False)
    await seed.manifest_event(repository, "s390", at(6), present=False)
    async with seed.db.acquire() as conn:
        await refresh_partial_indexes(conn, [(repository, seed.digests["arm"], True)])

    for as_of, expected in ((None, ["amd"]), (at(25), ["amd"]), (at(15), ["amd", "arm"])):
        past = {} if as_of is None else {"as_of": as_of}
        tag = await asker.ask("GetTag", registry="prod", repository="team/app", tag="multi", **past)
        listed = await asker.ask("ListTags", registry="prod", repository="team/app", match="multi", **past)
        newest = await asker.ask(
            "ListTags", registry="prod", repository="team/app", match="multi", order_by="pushed_at", **past
        )
        for found in (tag, *listed["tags"], *newest["tags"]):
            assert found["platforms"] == [platforms[name] for name in expected]
