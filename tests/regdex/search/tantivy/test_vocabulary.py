"""Words with some letters inside: the same ones, whether they were listed in memory or have to be looked up."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import tantivy
from hypothesis import given
from hypothesis import strategies as st

from regdex.search import Query
from regdex.search.tantivy.layout import make_json, make_schema
from regdex.search.tantivy.reading import state, vocabulary
from regdex.search.tantivy.reading.queries import Reach, Search
from regdex.search.tantivy.reading.state import Learning, State
from regdex.search.tantivy.reading.vocabulary import Vocabulary
from tests.regdex.search.conftest import fingerprint, in_batches, make_tantivy
from tests.regdex.search.corpus import CORPUS, document

NAMES = ("a/payment-gateway", "b/paymentgateway", "c/gate", "d/repay-mentor", "e/v2.payments", "gates/x")
TEXTS = ("ayment", "ateway", "gateway", "ate", "ments", "zzz", "v2")


def made_state(names: Iterable[str]) -> State:
    index = tantivy.Index(make_schema())
    writer = index.writer(15_000_000, 1)
    for number, name in enumerate(names, start=1):
        writer.add_json(make_json(document(number, name)))
    writer.commit()
    index.reload()
    return State(index.searcher(), index.schema)


def found(state: State) -> list[set[tuple[int, int]]]:
    """Where each of the texts is found by a search that goes far, and by a wildcard."""
    queries = [*(Query(text=text) for text in TEXTS), *(Query(wildcards=(f"*{text}*",)) for text in TEXTS)]
    parts = [Search(state, query).build(Reach.FAR) for query in queries]
    hits = [state.searcher.search(part, 100).hits for part in parts]
    return [{(address.segment_ord, address.doc) for _, address in of_part} for of_part in hits]


@given(
    words=st.lists(st.text("ab1.", min_size=1, max_size=6), unique=True),
    letters=st.text("ab1", min_size=1, max_size=3),
)
def test_words_that_hold_letters_are_all_found_once(words: list[str], letters: str) -> None:
    assert Vocabulary(words).holding(letters) == [word for word in words if letters in word]


def test_what_is_found_does_not_depend_on_whether_the_words_are_known() -> None:
    state = made_state(NAMES)
    before = found(state)

    Learning().learn(state)

    assert state.words is not None
    assert found(state) == before
    assert [len(hits) for hits in before[:3]] == [3, 2, 2]


def test_very_many_words_with_the_same_letters_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MAX_HOLDING", 2)
    state = made_state(NAMES)
    before = found(state)

    Learning().learn(state)

    assert state.words is not None
    assert state.words.holding("ment") is None
    assert found(state) == before


@pytest.mark.parametrize("unusual", [(), ("a/支付",)])
def test_words_that_are_too_many_or_of_other_letters_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, unusual: tuple[str, ...]
) -> None:
    monkeypatch.setattr(vocabulary, "MAX_CHARACTERS", 10**6 if unusual else 20)
    state = made_state((*NAMES, *unusual))
    before = found(state)

    Learning().learn(state)

    assert state.words is None
    assert found(state) == before


def test_words_are_read_when_a_search_has_missed_them_and_not_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    learning = Learning()
    never_searched, first, second = (made_state(NAMES) for _ in range(3))
    monkeypatch.setattr(state, "LEARNING_SHARE", 10**9)
    found(first)
    found(second)

    for each in (never_searched, first, second):
        learning.learn(each)

    assert (never_searched.words, second.words) == (None, None)
    assert first.words is not None


async def test_a_new_word_is_found_inside_at_once(tmp_path: Path) -> None:
    engine = await make_tantivy(tmp_path)
    await engine.writer.rebuild(fingerprint(), in_batches(CORPUS))
    for number in range(20):
        await engine.find("zanzib")
        await engine.fill(document(1000 + number, f"new/x{number}zanzibar"))
        assert (await engine.find("zanzib")).total == number + 1
    await engine.index.close()
    await engine.writer.close()
