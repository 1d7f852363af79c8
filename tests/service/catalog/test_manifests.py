"""Manifests, indexes and referrers, over both transports (B28)."""

import pytest

from tests.harness.asking import Asker, Refused, RestAsker
from tests.harness.seed import CONFIG, IMAGE, INDEX, LAYER, Seed, at, digest_of


@pytest.fixture
async def repository(seed: Seed) -> int:
    await seed.registry("prod")
    repository = await seed.repository("prod", "team/app")
    await seed.image(
        "amd",
        layers=("base", "app"),
        labels={"org.opencontainers.image.title": "App\r\nSet-Cookie: x=1", "colour": "\x1b[31mred"},
        history=[
            {"created_at": "2026-01-02T03:04:05+00:00", "created_by": "RUN make", "comment": "", "empty_layer": True}
        ],
    )
    await seed.index("multi", {"amd": "linux/amd64", "arm": "linux/arm64/v8"}, annotations={"a": "支付"})
    await seed.tag(repository, "1.0", "multi")
    await seed.tag(repository, "latest", "multi")
    await seed.present(repository, "amd", at(1))
    return repository


async def get(asker: Asker, name: str) -> dict[str, object]:
    return await asker.ask("GetManifest", registry="prod", repository="team/app", digest=digest_of(name))


@pytest.mark.usefixtures("repository")
async def test_an_image_comes_with_config_layers_and_history(asker: Asker) -> None:
    manifest = await get(asker, "amd")

    assert (manifest["media_type"], manifest["state"], manifest["tags"]) == (IMAGE, "complete", [])
    assert manifest["platform"] == {"os": "linux", "architecture": "amd64", "variant": "", "os_version": ""}
    assert manifest["config"] == {
        "media_type": CONFIG,
        "digest": digest_of("amd/config"),
        "size_bytes": 1000,
        "artifact_type": "",
        "platform": None,
        "annotations": {},
        "missing": False,
    }
    assert manifest["layers"] == [
        {
            "media_type": LAYER,
            "digest": digest_of(name),
            "size_bytes": 10_000,
            "diff_id": digest_of(f"{name}/diff"),
            "chain_id": digest_of(f"amd/{name}/chain"),
        }
        for name in ("base", "app")
    ]
    assert manifest["history"] == [
        {"created_at": "2026-01-02T03:04:05Z", "created_by": "RUN make", "comment": "", "empty_layer": True}
    ]
    assert manifest["first_seen_at"] == "2026-11-20T12:01:00Z"


@pytest.mark.usefixtures("repository")
async def test_text_of_images_comes_through_as_it_is_and_is_in_no_header(asker: Asker) -> None:
    assert (await get(asker, "amd"))["labels"] == {
        "org.opencontainers.image.title": "App\r\nSet-Cookie: x=1",
        "colour": "\x1b[31mred",
    }


@pytest.mark.usefixtures("repository")
async def test_an_index_comes_with_its_entries(asker: Asker) -> None:
    manifest = await get(asker, "multi")

    assert (manifest["media_type"], manifest["tags"], manifest["layers"]) == (INDEX, ["1.0", "latest"], [])
    assert (manifest["config"], manifest["platform"], manifest["annotations"]) == (None, None, {"a": "支付"})
    entries = manifest["manifests"]
    assert isinstance(entries, list)
    assert [(e["digest"], e["platform"]["architecture"], e["platform"]["variant"]) for e in entries] == [
        (digest_of("amd"), "amd64", ""),
        (digest_of("arm"), "arm64", "v8"),
    ]


async def test_a_manifest_that_has_not_been_read_is_pending(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.tag(repository, "new", "unread", at(2))

    manifest = await get(asker, "unread")

    assert (manifest["state"], manifest["tags"], manifest["size_bytes"]) == ("pending", ["new"], 0)


async def test_a_manifest_that_was_refused_says_why(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.image("bad", state="rejected", problem="digest_mismatch")
    await seed.present(repository, "bad", present=False)

    manifest = await get(asker, "bad")

    assert (manifest["state"], manifest["problem"], manifest["present"]) == ("rejected", "digest_mismatch", False)


async def test_a_manifest_of_another_repository_is_not_found_here(repository: int, seed: Seed, asker: Asker) -> None:
    other = await seed.repository("prod", "team/other")
    await seed.tag(other, "1.0", "elsewhere")

    for name in ("elsewhere", "never"):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await get(asker, name)


async def test_referrers_are_listed_filtered_and_paged(repository: int, seed: Seed, asker: Asker) -> None:
    for number in range(5):
        await seed.image(f"sbom{number}", subject="multi", artifact_type="application/spdx+json")
        await seed.present(repository, f"sbom{number}")
    await seed.image("signature", subject="multi", config_media_type="application/vnd.dev.cosign.v1")
    await seed.present(repository, "signature")
    await seed.image("deleted", subject="multi")
    await seed.present(repository, "deleted", present=False)

    async def referrers(**fields: object) -> tuple[list[tuple[str, str]], str]:
        answer = await asker.ask(
            "ListReferrers", registry="prod", repository="team/app", digest=digest_of("multi"), **fields
        )
        return [(r["digest"], r["artifact_type"]) for r in answer["referrers"]], answer["next_page_token"]

    everything, _ = await referrers()
    assert sorted(everything) == sorted(
        [(digest_of(f"sbom{number}"), "application/spdx+json") for number in range(5)]
        + [(digest_of("signature"), "application/vnd.dev.cosign.v1")]
    )
    only, _ = await referrers(artifact_type="application/vnd.dev.cosign.v1")
    assert only == [(digest_of("signature"), "application/vnd.dev.cosign.v1")]
    pieces, token = await referrers(page_size=4)
    rest, last = await referrers(page_size=4, page_token=token)
    assert pieces + rest == everything
    assert last == ""


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_tags_that_spell_a_digest_are_referrers_of_it(
    repository: int, seed: Seed, asker: Asker, algorithm: str
) -> None:
    digest = digest_of("multi") if algorithm == "sha256" else "sha512:" + "ab" * 64
    spelled = digest.replace(":", "-")[:71]
    other = digest_of("amd").replace(":", "-")
    for name in ("signature", "prefixed", "other", "listed"):
        await seed.image(name)
    await seed.image("unlisted", subject="something")
    await seed.index("referrers", {"listed": "linux/amd64", "absent": "linux/amd64"})
    await seed.tag(repository, f"{spelled}.sig", "signature")
    await seed.tag(repository, f"{spelled}.att", "not read yet")
    await seed.tag(repository, f"team-{spelled}.sig", "prefixed")
    await seed.tag(repository, spelled, "referrers")
    await seed.tag(repository, f"{other}.sig", "other")
    await seed.tag(repository, "1.1", "unlisted")
    await seed.present(repository, "listed")
    await seed.present(repository, "absent", present=False)
    elsewhere = await seed.repository("prod", "team/elsewhere")
    await seed.tag(elsewhere, f"{spelled}.sig", "elsewhere")
    await seed.sort_tags()

    answer = await asker.ask("ListReferrers", registry="prod", repository="team/app", digest=digest)
    only = await asker.ask(
        "ListReferrers", registry="prod", repository="team/app", digest=digest, artifact_type=CONFIG, page_size=1
    )

    assert sorted(referrer["digest"] for referrer in answer["referrers"]) == sorted(
        digest_of(name) for name in ("signature", "prefixed", "not read yet", "listed")
    )
    assert [referrer["artifact_type"] for referrer in only["referrers"]] == [CONFIG]
    assert only["next_page_token"] != ""


@pytest.mark.usefixtures("repository")
async def test_a_digest_that_nothing_refers_to_has_no_referrers(asker: Asker) -> None:
    answer = await asker.ask("ListReferrers", registry="prod", repository="team/app", digest=digest_of("never"))

    assert answer["referrers"] == []


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("of", ["amd", "amd/config"])
@pytest.mark.parametrize(
    "form",
    ["{digest}", "{digits}", "SHA256:{upper}", "team/app@{digest}", "prod.example.com/team/app:1@{digest}",
     "docker-pullable://prod.example.com/team/app@{digest}", "docker://{digest}"],
)  # fmt: skip
async def test_a_manifest_is_found_by_digest_and_image_id_as_tools_print_them(asker: Asker, form: str, of: str) -> None:
    digits = digest_of(of).removeprefix("sha256:")
    text = form.format(digest=digest_of(of), digits=digits, upper=digits.upper())
    if isinstance(asker, RestAsker) and "/" in text:
        pytest.skip("a name with slashes has no place in a path of the REST API")

    manifest = await asker.ask("GetManifest", registry="prod", repository="team/app", digest=text)

    assert manifest["digest"] == digest_of("amd")


async def test_an_image_id_stands_for_the_manifest_that_is_there(repository: int, seed: Seed, asker: Asker) -> None:
    config = await seed.digest("amd/config")
    for name, present in (("older", True), ("gone", False)):
        await seed.image(name, config_digest_id=config)
        await seed.present(repository, name, at(-5 if present else 50), present=present)

    found = await get(asker, "amd/config")

    assert found["digest"] == digest_of("amd")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await get(asker, "base")


@pytest.mark.usefixtures("repository")
async def test_children_that_nobody_asked_for_are_not_missing(asker: Asker) -> None:
    assert [entry["missing"] for entry in (await get(asker, "multi"))["manifests"]] == [False, False]


async def test_children_that_are_not_there_are_listed_as_missing(repository: int, seed: Seed, asker: Asker) -> None:
    await seed.image("arm", platform="linux/arm64/v8")
    await seed.manifest_event(repository, "arm", at(5), present=False)

    entries = (await get(asker, "multi"))["manifests"]
    assert [(entry["digest"], entry["missing"]) for entry in entries] == [
        (digest_of("amd"), False),
        (digest_of("arm"), True),
    ]
