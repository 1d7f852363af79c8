"""Digest lookup: every kind of digest, prefixes, registries, pages, over both transports."""

import pytest

from regdex.database import Pool
from regdex.errors import NotFound
from service.caller import Caller, Scope
from service.catalog.digests import lookup_digest
from service.context import Context
from service.models.manifests import LookupDigestRequest
from tests.harness.asking import Asker, Refused
from tests.harness.seed import Seed, at, digest_of


@pytest.fixture
async def images(seed: Seed) -> Seed:
    await seed.registry("prod")
    await seed.registry("stage")
    app = await seed.repository("prod", "team/app")
    copy = await seed.repository("stage", "team/app")
    await seed.image("amd", layers=("base", "base", "app"))
    await seed.image("arm", layers=("base", "app-arm"), platform="linux/arm64/v8")
    await seed.index("multi", {"amd": "linux/amd64", "arm": "linux/arm64/v8"})
    await seed.tag(app, "1.0", "multi")
    await seed.tag(app, "amd-only", "amd")
    await seed.present(app, "arm")
    await seed.present(copy, "amd", at(1), present=False)
    return seed


async def kinds(asker: Asker, digest: str) -> list[tuple[str, str, str]]:
    answer = await asker.ask("LookupDigest", digest=digest)
    return [(m["kind"], m["registry"], m["manifest_digest"]) for m in answer["matches"]]


async def test_every_kind_of_digest_is_found(images: Seed, asker: Asker) -> None:
    amd, arm, multi = digest_of("amd"), digest_of("arm"), digest_of("multi")

    assert await kinds(asker, multi) == [("index", "prod", multi)]
    assert await kinds(asker, arm) == [("manifest", "prod", arm)]
    assert await kinds(asker, digest_of("arm/config")) == [("config", "prod", arm)]
    assert await kinds(asker, digest_of("app-arm")) == [("layer", "prod", arm)]
    assert await kinds(asker, digest_of("app-arm/diff")) == [("diff_id", "prod", arm)]
    assert await kinds(asker, digest_of("arm/app-arm/chain")) == [("chain_id", "prod", arm)]
    assert sorted(await kinds(asker, digest_of("base"))) == sorted(
        [("layer", "prod", amd), ("layer", "stage", amd), ("layer", "prod", arm)]
    )


async def test_a_match_names_the_tags_of_its_index_too_and_what_is_gone(images: Seed, asker: Asker) -> None:
    answer = await asker.ask("LookupDigest", digest=digest_of("amd"))

    here, there = answer["matches"]
    assert (here["registry"], here["tags"], here["platform"], here["present"]) == (
        "prod",
        ["1.0", "amd-only"],
        "linux/amd64",
        True,
    )
    assert (there["registry"], there["tags"], there["present"]) == ("stage", [], False)


async def test_a_digest_is_found_before_its_manifest_was_read(images: Seed, asker: Asker) -> None:
    repository = await images.repository("prod", "team/new")
    await images.tag(repository, "1.0", "unread")

    (match,) = (await asker.ask("LookupDigest", digest=digest_of("unread")))["matches"]

    assert (match["kind"], match["media_type"], match["tags"]) == ("manifest", "", ["1.0"])


@pytest.mark.parametrize("length", [12, 13, 40, 63, 64])
@pytest.mark.parametrize("prefix", ["sha256:", ""])
async def test_a_prefix_finds_what_begins_so(images: Seed, asker: Asker, length: int, prefix: str) -> None:
    multi = digest_of("multi")
    begun = multi.removeprefix("sha256:")[:length]

    assert await kinds(asker, prefix + begun) == [("index", "prod", multi)]


@pytest.mark.parametrize(
    "form",
    ["{upper}", "SHA256:{upper}", "team/app:1.0@sha256:{digits}", "prod.example.com:5000/team/app@sha256:{digits}",
     "docker-pullable://prod.example.com/team/app@sha256:{digits}", "docker://sha256:{digits}", "docker://{digits}",
     "docker-pullable://team/app@SHA256:{upper}", "@sha256:{digits}", " sha256:{digits} "],
)  # fmt: skip
@pytest.mark.parametrize("length", [12, 64])
async def test_a_digest_is_found_in_the_forms_that_tools_print(
    images: Seed, asker: Asker, form: str, length: int
) -> None:
    digits = digest_of("arm/config").removeprefix("sha256:")[:length]

    text = form.format(digits=digits, upper=digits.upper())

    assert await kinds(asker, text) == [("config", "prod", digest_of("arm"))]


async def test_a_prefix_of_the_other_algorithm_finds_nothing(images: Seed, asker: Asker) -> None:
    with pytest.raises(Refused, match="NOT_FOUND"):
        await kinds(asker, "sha512:" + digest_of("multi").removeprefix("sha256:")[:12])


@pytest.mark.parametrize(
    "digest",
    ["abc", "sha256:abcdef", "md5:" + "a" * 32, "x" * 64, "sha256:" + "a" * 129, "a" * 129, "%", "sha256:"],
)
async def test_what_is_no_digest_is_refused(images: Seed, asker: Asker, digest: str) -> None:
    with pytest.raises(Refused, match="INVALID_ARGUMENT"):
        await kinds(asker, digest)


async def test_pages_of_many_digests_and_places_add_up(images: Seed, db: Pool, asker: Asker) -> None:
    begun = "ab" * 8
    for number in range(30):
        digest_id = await db.fetchval(
            "INSERT INTO digest (algorithm, hash) VALUES ($1, decode($2, 'hex')) RETURNING id",
            1 + number % 2,
            begun + f"{number // 2:02x}" * (24 if number % 2 == 0 else 56),
        )
        if number % 3:
            await db.execute(
                "INSERT INTO repository_manifest SELECT id, $1, now(), now(), true FROM repository", digest_id
            )
    whole = (await asker.ask("LookupDigest", digest=begun, page_size=1000))["matches"]
    for size in (1, 7):
        pieces, token = [], ""
        while True:
            answer = await asker.ask("LookupDigest", digest=begun, page_size=size, page_token=token)
            pieces += answer["matches"]
            token = answer["next_page_token"]
            if not token:
                break
        assert pieces == whole
    assert len(whole) == 20 * 2


async def test_pages_of_a_layer_that_many_share_add_up(images: Seed, asker: Asker) -> None:
    repository = await images.repository("prod", "team/many")
    for number in range(25):
        await images.image(f"many{number}", layers=("shared", f"own{number}", "shared"))
        await images.present(repository, f"many{number}")

    pieces, token = [], ""
    while True:
        answer = await asker.ask("LookupDigest", digest=digest_of("shared"), page_size=4, page_token=token)
        pieces += [match["manifest_digest"] for match in answer["matches"]]
        token = answer["next_page_token"]
        if not token:
            break

    assert sorted(pieces) == sorted(digest_of(f"many{number}") for number in range(25))


async def test_what_lives_in_invisible_repositories_only_is_not_found(images: Seed, db: Pool) -> None:
    stage = frozenset({await images.project_id("stage", "team")})
    caller = Caller(scope=Scope.READ, project_ids=stage)

    found = await lookup_digest(Context(db), caller, LookupDigestRequest(digest=digest_of("base")))
    assert [match["registry"] for match in found["matches"]] == ["stage"]
    with pytest.raises(NotFound):
        await lookup_digest(Context(db), caller, LookupDigestRequest(digest=digest_of("multi")))
    with pytest.raises(NotFound):
        await lookup_digest(Context(db), caller, LookupDigestRequest(digest=digest_of("arm/config")))
