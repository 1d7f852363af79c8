"""Tags that a query asked for, and repositories that hold a digest, or one that begins so."""

import pytest

from regdex.database import Pool
from regdex.glob import Glob
from regdex.store.search.matches import list_holders, list_matching_tags
from tests.harness.seed import Seed, at, digest_of


@pytest.fixture
async def seed(db: Pool) -> Seed:
    seed = Seed(db)
    await seed.registry("prod")
    return seed


async def test_tags_match_whatever_their_case_newest_first(seed: Seed) -> None:
    one, two, none = [await seed.repository("prod", f"a/app{number}") for number in range(3)]
    for number in range(12):
        await seed.tag(one, f"1.25.{number}-RC", "image", at(number))
    await seed.tag(one, "1x25", "image", at(99))
    await seed.tag(two, "1.25", "image")
    await seed.tag(two, "sha256-" + "1" * 64 + ".sig", "signature")
    await seed.tag(none, "latest", "image")

    async def tags(*globs: str) -> list[tuple[int, str]]:
        rows = await list_matching_tags(seed.db, [one, two, none], [Glob.of(glob).pattern for glob in globs])
        return [(row["repository_id"], row["tag"]) for row in rows]

    assert await tags("1.25*") == [(one, f"1.25.{number}-RC") for number in range(11, 1, -1)] + [(two, "1.25")]
    assert await tags("1.25.3-rc", "LATEST") == [(one, "1.25.3-RC"), (none, "latest")]
    assert await tags("sha256-*") == await tags("1.25_x") == await tags("%") == []


@pytest.fixture
async def held(seed: Seed) -> Seed:
    """`a/app` holds an index of an image; `b/base` only the image's base; `c/gone` held it once."""
    ids = [await seed.repository("prod", name) for name in ("a/app", "b/base", "c/gone")]
    await seed.image("image", layers=("base", "top"))
    await seed.image("other", layers=("base",))
    await seed.index("index", {"image": "linux/amd64"})
    await seed.tag(ids[0], "1", "index")
    await seed.present(ids[0], "image")
    await seed.present(ids[1], "other")
    await seed.present(ids[2], "image", present=False)
    return seed


async def holders(seed: Seed, name: str, projects: list[int] | None = None, *, digits: int = 64) -> list[str]:
    prefix = digest_of(name).removeprefix("sha256:")[:digits]
    rows = await list_holders(seed.db, projects, prefix=prefix, algorithm=1)
    names = dict(await seed.db.fetch("SELECT id, name FROM repository"))
    assert {row["digest"] for row in rows} <= {digest_of(name)}
    return [names[row["repository_id"]] for row in rows]


@pytest.mark.parametrize("digits", [6, 7, 64])
async def test_every_kind_of_digest_leads_to_who_holds_it_now(held: Seed, digits: int) -> None:
    for name in ("index", "image", "image/config", "top"):
        assert await holders(held, name, digits=digits) == ["a/app"], name
    assert await holders(held, "base", digits=digits) == ["a/app", "b/base"]
    assert await holders(held, "nothing", digits=digits) == []


async def test_what_is_not_visible_holds_nothing(held: Seed) -> None:
    visible = await held.project_id("prod", "b")

    assert await holders(held, "base", [visible]) == ["b/base"]
    assert await holders(held, "image", [visible]) == await holders(held, "base", []) == []


async def test_a_manifest_comes_before_what_uses_a_digest_and_each_repository_once(held: Seed) -> None:
    app = await held.repository("prod", "d/layer-as-manifest")
    await held.present(app, "base")

    assert await holders(held, "base") == ["d/layer-as-manifest", "a/app", "b/base"]
    assert len(await list_holders(held.db, None, prefix=digest_of("base")[7:13], limit=1)) == 1
    assert await list_holders(held.db, None, prefix=digest_of("base")[7:], algorithm=2) == []
