"""The longest and oddest queries that can be asked: answered as meant, or Unavailable, in bounded work."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.errors import Unavailable
from regdex.search import Query
from regdex.search.language.query import NumberFilter, Pattern, Range, TextFilter, is_exactly
from regdex.search.tantivy.reading import dictionaries
from tests.regdex.search.conftest import Engine, fingerprint, in_batches, make_tantivy
from tests.regdex.search.corpus import CORPUS, document

FIELDS = ("registry", "project", "tag", "label", "platform", "media_type")
ODD = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab-/.*?\"'\\%_ 0付网[](){}|^$+&~")),
    max_size=60,
)


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    made = await make_tantivy(tmp_path_factory.mktemp("hostile"))
    await made.writer.rebuild(fingerprint(), in_batches(CORPUS))
    return made


async def ask(engine: Engine, text: str = "", **parts: object) -> list[str]:
    return [hit.repository for hit in (await engine.index.search(Query(text=text, limit=100, **parts))).documents]  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=ODD,
    phrases=st.lists(ODD, max_size=3),
    globs=st.lists(ODD, max_size=3),
    without=st.lists(ODD, max_size=2),
    patterns=st.lists(st.tuples(ODD, st.booleans()), min_size=1, max_size=20),
    field=st.sampled_from(FIELDS),
)
async def test_no_query_raises(
    engine: Engine,
    text: str,
    phrases: list[str],
    globs: list[str],
    without: list[str],
    patterns: list[tuple[str, bool]],
    field: str,
) -> None:
    either = TextFilter(field, tuple(Pattern(*pattern) for pattern in patterns))  # type: ignore[arg-type]

    await ask(engine, text, phrases=tuple(phrases), wildcards=tuple(globs), without_wildcards=tuple(without))
    await ask(engine, text, without_phrases=tuple(phrases), filters=(either,), facets=(f"label:{text}", "project"))


@pytest.mark.parametrize("number", [-(2**63) - 1, -(2**63), -1, 0, 2**63 - 1, 2**63, 10**30])
async def test_numbers_beyond_64_bits_are_limits_like_others(engine: Engine, number: int) -> None:
    above = await ask(engine, filters=(NumberFilter("downloads_30d", (Range(number, None),)),))
    below = await ask(engine, filters=(NumberFilter("downloads_30d", (Range(None, number),)),))

    assert len(above) + len(below) == len(CORPUS)
    assert set(above) == {one.repository for one in CORPUS if one.downloads_30d >= number}


async def test_a_glob_whose_automaton_would_be_huge_finds_what_it_means(engine: Engine) -> None:
    await engine.fill(document(900, "a/x-abcdefghijklmnopqrstuvwxyz-y", tags=("v-abcdefghijklmnopqrstuvwxyz",)))

    assert await ask(engine, wildcards=("*a????????????????????????z*",)) == ["a/x-abcdefghijklmnopqrstuvwxyz-y"]
    tag = TextFilter("tag", (Pattern("*B????????????????????????z", is_glob=True),))
    assert await ask(engine, filters=(tag,)) == []
    tag = TextFilter("tag", (Pattern("*B???????????????????????z", is_glob=True), Pattern("nothing*", is_glob=True)))
    assert await ask(engine, filters=(tag,)) == ["a/x-abcdefghijklmnopqrstuvwxyz-y"]
    await engine.writer.write([], [900])


async def test_what_would_scan_too_much_is_unavailable(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    stars = tuple(Pattern(f"*{letter}*x*{letter}*", is_glob=True) for letter in "abcdefghijklmnopqrst")
    found = await ask(engine, filters=(TextFilter("tag", stars),))
    monkeypatch.setattr(dictionaries, "MAX_SCANNED", 2 * len(CORPUS))

    assert found == []
    assert "library/nginx" in await ask(engine, filters=(TextFilter("tag", (Pattern("*2*", is_glob=True),)),))
    with pytest.raises(Unavailable, match="too many patterns"):
        await ask(engine, filters=(TextFilter("tag", stars),))


async def test_signs_of_expressions_are_only_signs_in_a_pattern(engine: Engine) -> None:
    odd = r"a.b+c(d)[e]{2}|f\g^h$ &&~-#"
    await engine.fill(document(900, "odd/one", labels=(f"note={odd}",)), document(901, "odd/two", labels=("note=axb",)))

    for pattern in (
        Pattern(f"NOTE={odd}"),
        Pattern(f"note=*{odd[3:]}", is_glob=True),
        Pattern("note=a.b*", is_glob=True),
    ):
        assert await ask(engine, filters=(TextFilter("label", (pattern,)),)) == ["odd/one"], pattern
    await engine.writer.write([], [900, 901])


async def test_no_condition_widens_what_may_be_seen(engine: Engine) -> None:
    hidden = TextFilter("tag", (Pattern("nothing"),), is_negated=True)

    visible = frozenset({CORPUS[-1].project_id})

    for parts in ({"filters": (hidden,)}, {"wildcards": ("*",)}, {"phrases": ("",)}, {"without_phrases": ("nowhere",)}):
        assert await ask(engine, project_ids=visible, **parts) == [CORPUS[-1].repository]
    assert await ask(engine, project_ids=visible, filters=(is_exactly("project", "library"),)) == []
