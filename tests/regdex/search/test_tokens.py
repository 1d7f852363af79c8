"""How names and texts are split into words."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regdex.search import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("payments/payment-gateway", ["payments", "payment", "gateway"]),
        ("my_app.web", ["my", "app", "web"]),
        ("node20", ["node20", "node", "20"]),
        ("python3.11-slim", ["python3.11", "python", "3.11", "slim"]),
        ("nginx_1.25.3", ["nginx", "1.25.3"]),
        ("v1.2", ["v1.2", "v", "1.2"]),
        ("1.2.3rc1", ["1.2.3rc1", "1.2.3", "rc", "1"]),
        ("paymentGateway", ["paymentgateway", "payment", "gateway"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("HTTP", ["http"]),
        ("Café Zürich", ["cafe", "zurich"]),
        ("ｆｕｌｌ１２", ["full12", "full", "12"]),
        ("支付网关", ["支付", "付网", "网关"]),
        ("支付gateway网关v2", ["支付", "gateway", "网关", "v2", "v", "2"]),
        ("支", ["支"]),
        ("サーバー", ["サー", "ーバ", "バー"]),
        ("결제", ["결제"]),
        ("a1b2c3d4e5", ["a1b2c3d4e5"]),
        ("...", []),
        ('"-_%\\\x00', []),
        ("🚀", []),
        ("", []),
    ],
)
def test_splits(text: str, expected: list[str]) -> None:
    assert tokens.flatten(tokens.split(text)) == expected


def test_a_name_knows_its_last_segment_without_separators() -> None:
    name = tokens.split_name("corp/payments/payment-gateway")

    assert (name.parent, name.last, name.first) == ("corppayments", "paymentgateway", "payment")
    assert tokens.flatten(name.words) == ["corp", "payments", "payment", "gateway"]


def test_a_name_without_a_slash_has_no_parent() -> None:
    assert tokens.split_name("nginx") == tokens.Name("", "nginx", "nginx", [tokens.Word("nginx")])


def test_joined_words_are_the_same_however_they_were_separated() -> None:
    spellings = ["payment-gateway", "payment_gateway", "payment.gateway", "paymentGateway", "PaymentGateway"]

    assert {tokens.split_name(f"x/{spelling}").last for spelling in spellings} == {"paymentgateway"}


def test_chinese_is_found_by_its_sound() -> None:
    assert tokens.has_pinyin()
    assert tokens.pinyin("支付网关") == ["zhifu", "fuwang", "wangguan", "zhifuwangguan", "zfwg", "fwg"]


def test_the_sound_of_long_chinese_is_kept_in_pairs_only() -> None:
    assert "zhifu" in tokens.pinyin("支付网关服务负责对接银行渠道")
    assert max(map(len, tokens.pinyin("支付网关服务负责对接银行渠道"))) <= 12


def test_what_is_not_chinese_has_no_pinyin() -> None:
    assert tokens.pinyin("payment gateway café") == []


NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aZ0.9-_/ 支付ガé\u0301İßẞﬁ½²Ⅷ\x00\u200d🚀ǅ한"),
    ),
    max_size=200,
)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_splitting_never_raises_and_stays_bounded(text: str) -> None:
    words = tokens.split(text)

    flat = tokens.flatten(words)
    assert all(word.text and len(word.text) <= tokens.MAX_WORD_LENGTH for word in words)
    assert all(len(word.parts) <= tokens.MAX_PARTS for word in words)
    assert len(flat) <= 5 * len(unicodedata.normalize("NFKC", text))
    assert not any(character.isspace() for token in flat for character in token)
    tokens.pinyin(text)
    tokens.split_name(text)


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_every_token_is_a_word_when_typed(text: str) -> None:
    for token in tokens.flatten(tokens.split(text)):
        assert [word.text for word in tokens.split(token)] == [token]


@settings(max_examples=200, deadline=None)
@given(NASTY)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert tokens.fold(tokens.fold(text)) == tokens.fold(text)


def test_the_number_of_words_is_limited() -> None:
    assert len(tokens.split(" ".join(map(str, range(5000))), limit=10)) == 10
