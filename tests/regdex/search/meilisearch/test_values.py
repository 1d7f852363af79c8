"""What is sent to the engine is taken by it as we mean it."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.errors import Unavailable
from regdex.search import Query
from regdex.search.meilisearch.fields import make_fields, unpack
from regdex.search.meilisearch.tasks import wait
from regdex.search.meilisearch.values import MAX_LENGTH, escape, fold, unescape
from regdex.search.meilisearch.wire import Wire
from regdex.search.meilisearch.words import beginnings, encode
from tests.regdex.search.conftest import Engine, fingerprint, in_batches, make_meilisearch
from tests.regdex.search.corpus import CORPUS, document

SHORT = st.text(st.characters(codec="utf-8") | st.sampled_from('aA^;"\\ é支'), max_size=40)


@given(text=SHORT)
def test_what_is_escaped_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(one=SHORT, other=SHORT)
def test_different_texts_stay_different_and_only_case_is_folded(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)
    assert (fold(one) == fold(other)) == (re.fullmatch(re.escape(one), other, re.IGNORECASE) is not None)


@given(text=SHORT)
def test_nothing_is_left_for_the_engine_to_fold_or_trim(text: str) -> None:
    assert re.fullmatch(r"[!-@\[-~]*", escape(text))


def test_values_are_shorter_than_the_engine_cuts() -> None:
    assert len(escape("支" * 1000)) == MAX_LENGTH < 468


def test_words_are_one_word_each_for_the_engine() -> None:
    assert beginnings("1.25.3") == ["1.25.3", "1.25", "1"]
    assert "." not in encode("python3.11")
    assert encode("支付").startswith(encode("支"))
    assert encode("gateway") == "gateway"


def test_a_document_comes_back_as_it_was_with_the_tags_that_were_asked_for() -> None:
    many = replace(CORPUS[0], tags=tuple(f"1.{number}" for number in range(100)), size_bytes=2**62)
    made = make_fields(many)

    assert unpack(made["stored"], made["tags"]) == many
    assert unpack(made["stored"]) == replace(many, tags=many.tags[:10])
    assert made["size_bytes"] == 2**53


@pytest.fixture
async def engine(tmp_path: object) -> Engine:
    made = await make_meilisearch(tmp_path)  # type: ignore[arg-type]
    await made.writer.rebuild(fingerprint(), in_batches(()))
    return made


async def test_another_version_is_no_typo(engine: Engine) -> None:
    await engine.fill(
        document(1, "library/nginx", tags=("1.24.0",)),
        document(2, "library/haproxy", tags=("1.25.0",)),
        document(3, "library/go", description="go1.24"),
    )

    assert set(await engine.names("1.24")) == {"library/nginx", "library/go"}
    assert await engine.names("1.25 haproxy") == ["library/haproxy"]
    assert await engine.names("1.26") == []
    await engine.index.close()
    await engine.writer.close()


async def test_other_signs_are_no_typo_either(engine: Engine) -> None:
    await engine.fill(document(1, "a/one", description="支付网关"), document(2, "a/two", description="支持网关"))

    assert await engine.names("支付") == ["a/one"]
    assert await engine.names("支") == ["a/one", "a/two"]
    await engine.index.close()
    await engine.writer.close()


async def test_every_request_has_a_time_limit() -> None:
    """The library's own default is none at all."""
    wire = Wire("http://127.0.0.1:9", seconds=3)

    timeout = wire.client.http_client.timeout
    assert (timeout.connect, timeout.read, timeout.write, timeout.pool) == (1.0, 3, 3, 3)
    await wire.close()


async def test_many_tasks_are_asked_about_in_one_request(engine: Engine) -> None:
    seen = []

    class Counting:
        async def get(self, path: str, **parameters: object) -> object:
            seen.append(parameters)
            return {"results": [{"uid": uid, "status": "succeeded"} for uid in range(300)]}

    ended = await wait(Counting(), range(300), seconds=5)  # type: ignore[arg-type]

    assert len(ended) == 300
    assert len(seen) == 1
    await engine.index.close()
    await engine.writer.close()


async def test_callers_who_see_ten_thousand_projects_are_answered_in_time(engine: Engine) -> None:
    mine, foreign = (replace(document(n, f"{name}/redis"), project_id=7 + n) for n, name in ((0, "a"), (2, "b")))
    await engine.fill(mine, foreign)
    one_run = frozenset({7, *range(10**6, 10**6 + 10_000)})
    scattered = frozenset({7, *range(10**6, 10**6 + 3000, 2)})
    too_many = frozenset({7, *range(10**6, 10**6 + 10_000, 2)})

    for visible in (one_run, scattered):
        found = await engine.index.search(Query(text="redis", project_ids=visible))
        assert [hit.repository for hit in found.documents] == ["a/redis"]
    for _ in range(5):
        with pytest.raises(Unavailable, match="too many projects"):
            await engine.index.search(Query(text="redis", project_ids=too_many))
    assert (await engine.index.search(Query(text="redis"))).total == 2
    await engine.index.close()
    await engine.writer.close()
