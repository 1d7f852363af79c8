"""Resolving references, now and as of a time, over both transports."""

import pytest

from tests.harness.asking import Asker, Refused
from tests.harness.seed import INDEX, Seed, at, digest_of

HOST = "prod.example.com"


@pytest.fixture
async def repository(seed: Seed) -> int:
    await seed.registry("prod", reconciled_at=at(5), hosts=[HOST, "10.0.0.1:5000"])
    repository = await seed.repository("prod", "team/app")
    await seed.image("amd")
    await seed.image("arm", platform="linux/arm64/v8")
    await seed.index("multi", {"amd": "linux/amd64", "arm": "linux/arm64/v8"})
    await seed.tag_event(repository, "1.4", "amd", at(1))
    await seed.tag(repository, "1.4", "multi", at(10))
    await seed.tag(repository, "latest", "amd", at(10))
    await seed.manifest_event(repository, "multi", at(10), present=True)
    return repository


async def resolve(asker: Asker, reference: str, **fields: object) -> dict[str, object]:
    return await asker.ask("ResolveReference", reference=reference, **fields)


@pytest.mark.usefixtures("repository")
async def test_a_tag_resolves_to_its_digest(asker: Asker) -> None:
    assert await resolve(asker, f"{HOST}/team/app:1.4") == {
        "registry": "prod",
        "repository": "team/app",
        "tag": "1.4",
        "digest": digest_of("multi"),
        "media_type": INDEX,
        "platform_digest": "",
        "pushed_at": "2026-11-20T12:10:00Z",
        "exact": True,
        "not_before": None,
        "pinned": f"{HOST}/team/app@{digest_of('multi')}",
        "indexed_through": "2026-11-20T13:40:00Z",
        "complete": True,
        "first_seen_at": "2026-11-20T12:10:00Z",
    }


@pytest.mark.usefixtures("repository")
async def test_without_a_tag_it_is_latest(asker: Asker) -> None:
    answer = await resolve(asker, "10.0.0.1:5000/team/app")

    assert (answer["tag"], answer["digest"]) == ("latest", digest_of("amd"))


@pytest.mark.usefixtures("repository")
async def test_a_tag_resolves_as_of_a_time(asker: Asker) -> None:
    answer = await resolve(asker, f"{HOST}/team/app:1.4", as_of=at(9))

    assert (answer["digest"], answer["pushed_at"]) == (digest_of("amd"), "2026-11-20T12:01:00Z")


async def test_a_digest_resolves_while_it_is_there(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.manifest_event(repository, "multi", at(20), present=False)
    reference = f"{HOST}/team/app@{digest_of('multi')}"

    answer = await resolve(asker, reference, as_of=at(15))

    assert (answer["tag"], answer["digest"], answer["pushed_at"]) == ("", digest_of("multi"), None)
    for minutes in (9, 20):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await resolve(asker, reference, as_of=at(minutes))


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("tag", "platform", "expected"),
    [
        ("1.4", "linux/arm64", "arm"),
        ("1.4", "linux/arm64/v8", "arm"),
        ("1.4", "linux/aarch64/8", "arm"),
        ("1.4", "Linux/x86_64", "amd"),
        ("latest", "linux/amd64", "amd"),
    ],
)
async def test_an_entry_of_an_index_is_picked_by_platform(asker: Asker, tag: str, platform: str, expected: str) -> None:
    answer = await resolve(asker, f"{HOST}/team/app:{tag}", platform=platform)

    assert answer["platform_digest"] == digest_of(expected)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("reference", "fields", "code"),
    [
        (f"{HOST}/team/app:absent", {}, "NOT_FOUND"),
        (f"{HOST}/team/absent:1.4", {}, "NOT_FOUND"),
        ("other.example.com/team/app:1.4", {}, "NOT_FOUND"),
        (f"{HOST}/team/app@{digest_of('never')}", {}, "NOT_FOUND"),
        (f"{HOST}/team/app:1.4", {"platform": "windows/amd64"}, "NOT_FOUND"),
        (f"{HOST}/team/app:1.4", {"platform": "linux"}, "INVALID_ARGUMENT"),
        ("team/app:1.4", {}, "INVALID_ARGUMENT"),
        (f"{HOST}/Team/app:1.4", {}, "INVALID_ARGUMENT"),
        (f"{HOST}/team/app@sha256:abc", {}, "INVALID_ARGUMENT"),
        (f"{HOST}/team/app:-bad", {}, "INVALID_ARGUMENT"),
    ],
)
async def test_what_cannot_be_resolved_is_refused(
    asker: Asker, reference: str, fields: dict[str, str], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await resolve(asker, reference, **fields)

    assert refused.value.code == code


async def test_a_platform_of_an_index_that_was_not_read_yet_is_to_be_asked_again(
    repository: int, seed: Seed, asker: Asker
) -> None:
    await seed.tag(repository, "new", "unread", at(20))

    with pytest.raises(Refused, match="UNAVAILABLE"):
        await resolve(asker, f"{HOST}/team/app:new", platform="linux/amd64")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("scheme", ["", "docker-pullable://", "docker://", "oci://"])
async def test_references_are_understood_as_tools_print_them(asker: Asker, scheme: str) -> None:
    digest = digest_of("multi")
    upper = "SHA256:" + digest.removeprefix("sha256:").upper()

    for reference in (f"{HOST}/team/app@{digest}", f"{HOST}/team/app@{upper}", f"{HOST}/team/app:1.4@{digest}"):
        assert (await resolve(asker, scheme + reference))["digest"] == digest


@pytest.mark.usefixtures("repository")
async def test_an_image_id_resolves_to_its_manifest(asker: Asker) -> None:
    answer = await resolve(asker, f"{HOST}/team/app@{digest_of('amd/config')}", platform="linux/amd64")

    assert (answer["digest"], answer["platform_digest"]) == (digest_of("amd"), digest_of("amd"))
    assert answer["pinned"] == f"{HOST}/team/app@{digest_of('amd')}"


async def test_a_platform_that_is_listed_and_not_there_is_not_resolved(
    repository: int, seed: Seed, asker: Asker
) -> None:
    await seed.manifest_event(repository, "arm", at(11), present=False)

    for as_of in ({}, {"as_of": at(12)}):
        with pytest.raises(Refused) as refused:
            await resolve(asker, f"{HOST}/team/app:1.4", platform="linux/arm64", **as_of)
        assert (refused.value.code, "does not have it" in refused.value.detail) == ("NOT_FOUND", True)
    assert (await resolve(asker, f"{HOST}/team/app:1.4", platform="linux/amd64"))["platform_digest"] == digest_of("amd")


async def test_a_platform_resolves_as_of_a_time_when_it_was_there(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.manifest_event(repository, "arm", at(9), present=True)
    await seed.manifest_event(repository, "arm", at(20), present=False)
    await seed.present(repository, "arm", at(9), present=False)
    await seed.tag_event(repository, "1.4", "multi", at(10))

    answer = await resolve(asker, f"{HOST}/team/app:1.4", platform="linux/arm64", as_of=at(15))

    assert answer["platform_digest"] == digest_of("arm")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await resolve(asker, f"{HOST}/team/app:1.4", platform="linux/arm64", as_of=at(25))
