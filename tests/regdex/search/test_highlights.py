"""Where a hit matched: in the name, its title and its description, whatever engine found it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.search import Document, Query
from regdex.search.highlights import MAX_SHOWN, Highlighter
from regdex.search.spelling import distance

DOCUMENT = Document(
    id=1,
    registry="prod",
    repository="payments/payment-gateway",
    project="payments",
    project_id=1,
    title="Zürich Café",
    description="支付网关服务,负责对接银行渠道",
)


def shown(query: Query, document: Document = DOCUMENT) -> dict[str, str]:
    """Fields with what matched in brackets."""
    return {
        field: "".join(f"[{text}]" if matched else text for text, matched in pieces)
        for field, pieces in Highlighter(query).highlight(document).items()
    }


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("gateway", {"repository": "payments/payment-[gateway]"}),
        ("paymnet gatway", {"repository": "payments/[payment]-[gateway]"}),
        ("paymentgateway", {"repository": "payments/[payment-gateway]"}),
        ("pay", {"repository": "[pay]ments/[pay]ment-gateway"}),
        ("ment-gate", {"repository": "pay[ment]s/pay[ment]-[gate]way"}),
        ("ay", {}),
        ("网关", {"description": "支付[网关]服务,负责对接银行渠道"}),
        ("cafe zurich", {"title": "[Zürich] [Café]"}),
        ("kafka", {}),
        ("", {}),
    ],
)
def test_words_are_shown_where_they_are(text: str, fields: dict[str, str]) -> None:
    assert shown(Query(text=text)) == fields


def test_wildcards_and_phrases_are_shown() -> None:
    assert shown(Query(wildcards=("*-gateway",))) == {"repository": "payments/[payment-gateway]"}
    assert shown(Query(phrases=("payment gateway",))) == {"repository": "[payment]s/[payment]-[gateway]"}


def test_a_long_description_is_cut_around_the_match() -> None:
    document = replace(DOCUMENT, description="before " * 100 + "ledger " + "after " * 100)

    (pieces,) = Highlighter(Query(text="ledger")).highlight(document).values()

    assert ("ledger", True) in pieces
    assert pieces[0] == pieces[-1] == ("…", False)
    assert sum(len(text) for text, _ in pieces) == MAX_SHOWN + 2


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_pieces_are_the_text(title: str, text: str, wildcard: str) -> None:
    document = replace(DOCUMENT, title=title)

    for field, pieces in Highlighter(Query(text=text, wildcards=(wildcard,))).highlight(document).items():
        assert "".join(piece for piece, _ in pieces) == getattr(document, field)
        assert any(matched for _, matched in pieces)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_a_symmetric_count_of_edits(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))
    assert distance("paymnet", "payment") == 1
