"""Search documents as they are built from the catalog."""

from datetime import timedelta

import pytest

from regdex.database import Pool
from regdex.search import MAX_TAGS, Document
from regdex.store.search.documents import MAX_LABELS, read_documents
from tests.harness.seed import CONFIG, IMAGE, INDEX, T0, Seed, at

COSIGN = "application/vnd.dev.cosign.artifact.sig.v1+json"


@pytest.fixture
async def seed(db: Pool) -> Seed:
    seed = Seed(db)
    await seed.registry("prod")
    return seed


async def read(seed: Seed, id: int) -> Document:
    (document,) = await read_documents(seed.db, [id])
    return document


async def test_a_document_has_all_that_is_searched(seed: Seed) -> None:
    app = await seed.repository(
        "prod", "payments/gateway", title="Gateway", description="What it says", stars=3, manifest_count=3,
        downloads_30d=7, size_bytes=100, pushed_at=at(3), pulled_at=at(4), platforms=["linux/amd64"],
    )  # fmt: skip
    await seed.image("amd64", labels={"team": "payments", "tier": "gold"})
    await seed.index("index", {"amd64": "linux/amd64"})
    await seed.image("signature", artifact_type=COSIGN, subject="index")
    await seed.tag(app, "1.0", "amd64", at(1))
    await seed.tag(app, "latest", "index", at(3))
    await seed.tag(app, "1.1", "index", at(3))
    await seed.present(app, "signature")
    await seed.present(app, "unread")

    assert await read(seed, app) == Document(
        id=app,
        registry="prod",
        repository="payments/gateway",
        project="payments",
        project_id=await seed.project_id("prod", "payments"),
        title="Gateway",
        description="What it says",
        labels=("team=payments", "tier=gold"),
        tags=("latest", "1.1", "1.0"),
        platforms=("linux/amd64",),
        artifact_types=(COSIGN,),
        media_types=(INDEX, IMAGE) if INDEX < IMAGE else (IMAGE, INDEX),
        tag_count=1,
        size_bytes=100,
        downloads_30d=7,
        stars=3,
        pushed_at=at(3),
        pulled_at=at(4),
        signed=True,
    )


async def test_what_somebody_wrote_takes_the_place_of_what_images_say(seed: Seed) -> None:
    app = await seed.repository("prod", "a/app", description="Theirs", description_override="Ours")

    assert (await read(seed, app)).description == "Ours"


async def test_tags_of_signatures_are_none_and_sign(seed: Seed) -> None:
    app = await seed.repository("prod", "a/app", manifest_count=1)
    other = await seed.repository("prod", "a/other", manifest_count=1)
    digest = "sha256-" + "0" * 64
    await seed.tag(app, digest + ".sig", "signature", at(9))
    await seed.tag(app, "1.0", "image", at(1))
    await seed.tag(other, digest + ".sbom", "sbom", at(9))
    await seed.tag(other, digest, "referrers", at(9))
    await seed.tag(other, f"team-{digest}.att", "attestation", at(9))
    await seed.tag(other, digest + ".sig.1", "image", at(8))
    prefixed = await seed.repository("prod", "a/prefixed", manifest_count=1)
    await seed.tag(prefixed, f"team-{digest}.sig", "signature", at(9))
    await seed.sort_tags()

    assert ((await read(seed, app)).tags, (await read(seed, app)).signed) == (("1.0",), True)
    assert ((await read(seed, other)).tags, (await read(seed, other)).signed) == ((), False)
    assert ((await read(seed, prefixed)).tags, (await read(seed, prefixed)).signed) == ((), True)


async def test_of_many_tags_and_labels_the_first_are_kept(seed: Seed) -> None:
    app = await seed.repository("prod", "a/app", tag_count=MAX_TAGS + 1)
    await seed.image("image", labels={f"key{number:03}": "v" for number in range(MAX_LABELS + 1)})
    await seed.db.executemany(
        "INSERT INTO tag (repository_id, tag, digest_id, pushed_at, source, exact) VALUES ($1, $2, $3, $4, 1, true)",
        [
            (app, f"t{n}", await seed.digest("image"), T0 + timedelta(seconds=n % (MAX_TAGS + 1)))
            for n in range(MAX_TAGS + 1)
        ],
    )

    document = await read(seed, app)

    assert document.tags == tuple(f"t{number}" for number in range(MAX_TAGS, 0, -1))
    assert document.labels == tuple(f"key{number:03}=v" for number in range(MAX_LABELS))
    assert (await read_documents(seed.db, [app], max_tags=2))[0].tags == document.tags[:2]


@pytest.mark.parametrize("version", [".v0.1+json", ".v0.3+json", ".v0.3.1+json", "+json;version=0.3"])
async def test_a_bundle_of_any_version_is_a_signature(seed: Seed, version: str) -> None:
    app = await seed.repository("prod", "a/app", manifest_count=1)
    await seed.image("bundle", artifact_type=f"application/vnd.dev.sigstore.bundle{version}")
    await seed.present(app, "bundle")
    assert (await read(seed, app)).signed


async def test_content_that_is_gone_or_refused_has_no_type(seed: Seed) -> None:
    app = await seed.repository("prod", "a/app", manifest_count=2)
    await seed.image("gone", media_type="application/vnd.example.gone", artifact_type="gone")
    await seed.image("refused", media_type="", state="rejected")
    await seed.image("chart", media_type=IMAGE, artifact_type=CONFIG)
    await seed.present(app, "gone", present=False)
    await seed.present(app, "refused")
    await seed.present(app, "chart")

    document = await read(seed, app)

    assert (document.media_types, document.artifact_types, document.tags, document.signed) == (
        (IMAGE,),
        (CONFIG,),
        (),
        False,
    )


async def test_what_holds_nothing_has_no_document(seed: Seed) -> None:
    assert await read_documents(seed.db, [await seed.repository("prod", "a/app", tag_count=0), 4711]) == []
