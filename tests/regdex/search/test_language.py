"""One line of text → a query: what each term means, what is refused and where, and that nothing else happens."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.errors import InvalidArgument
from regdex.search.language.parser import FIELD_NAMES, parse, quote
from regdex.search.language.query import NumberFilter, Pattern, Query, Range, SignedFilter, TextFilter

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def read(text: str) -> Query:
    return parse(text, now=NOW).query


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def tag(text: str, *, is_glob: bool = False) -> TextFilter:
    return TextFilter("tag", (Pattern(text, is_glob),))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        ("  paymnet   gatway ", Query(text="paymnet gatway")),
        ("team/payment-gateway", Query(text="team/payment-gateway")),
        ('"payment gateway" api', Query(text="api", phrases=("payment gateway",))),
        ('-legacy -"old api" -*-test', Query(without_phrases=("legacy", "old api"), without_wildcards=("*-test",))),
        ("nginx* pay?ents", Query(wildcards=("nginx*", "pay?ents"))),
        ("*", Query()),
        ("- a -- b", Query(text="- a -- b")),
        ("nginx:1.25*", Query(text="nginx", filters=(tag("1.25*", is_glob=True),))),
        ("team/nginx*:v1", Query(wildcards=("team/nginx*",), filters=(tag("v1"),))),
        ("localhost:5000/team/app", Query(text="localhost:5000/team/app")),
        ("localhost:5000/team/app:1.2", Query(text="localhost:5000/team/app", filters=(tag("1.2"),))),
        ("nginx:", Query(text="nginx:")),
        ("https://example.com/x", Query(text="https://example.com/x")),
        ('tag:"1.*"', Query(filters=(tag("1.*"),))),
        ("TAG:v1", Query(filters=(tag("v1"),))),
        ("-tag:latest", Query(filters=(TextFilter("tag", (Pattern("latest"),), is_negated=True),))),
        ("registry:(prod edge*)", Query(filters=(TextFilter("registry", (Pattern("prod"), Pattern("edge*", True))),))),
        ('project:""', Query(filters=(TextFilter("project", (Pattern(""),)),))),
        ('label:team="pay ments"', Query(filters=(TextFilter("label", (Pattern("team=pay ments"),)),))),
        ("label:team", Query(filters=(TextFilter("label", (Pattern("team=*", True),)),))),
        ("platform:linux/arm64", Query(filters=(
            TextFilter("platform", (Pattern("linux/arm64"), Pattern("linux/arm64/*", True))),
        ))),
        ("media:application/*", Query(filters=(TextFilter("media_type", (Pattern("application/*", True),)),))),
        ("signed:true", Query(filters=(SignedFilter(True),))),
        ("-signed:TRUE", Query(filters=(SignedFilter(False),))),
    ],
)  # fmt: skip
def test_terms_become_parts_of_a_query(text: str, query: Query) -> None:
    assert read(text) == query


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("downloads:>100", 101, None),
        ("downloads:>=1k", 1000, None),
        ("stars:<3", None, 3),
        ("stars:<=3", None, 4),
        ("stars:3", 3, 4),
        ("stars:=2m", 2_000_000, 2_000_001),
        ("size:<200MB", None, 200_000_000),
        ("size:>=1.5GiB", 1_610_612_736, None),
        ("size:<1k", None, 1000),
        ("size:10", 10, 11),
        ("pushed:>30d", micros(NOW - timedelta(days=30)) + 1, None),
        ("pushed:30d", micros(NOW - timedelta(days=30)), None),
        ("pushed:<2w", None, micros(NOW - timedelta(days=14))),
        ("pulled:<2026-01-01", None, micros(datetime(2026, 1, 1, tzinfo=UTC))),
        ("pulled:>2026-01-01", micros(datetime(2026, 1, 2, tzinfo=UTC)), None),
        ("pulled:2026-01-01", micros(datetime(2026, 1, 1, tzinfo=UTC)), micros(datetime(2026, 1, 2, tzinfo=UTC))),
        ("pulled:>=2026-01-01T08:00:00+08:00", micros(datetime(2026, 1, 1, tzinfo=UTC)), None),
    ],
)
def test_comparisons_become_ranges(text: str, low: int | None, high: int | None) -> None:
    (condition,) = read(text).filters

    assert isinstance(condition, NumberFilter)
    assert condition.ranges == (Range(low, high),)


def test_a_digest_is_told_from_words() -> None:
    parsed = parse("prod/team/app@sha256:AB12CDEF0 ignored", now=NOW)

    assert parsed.digest == "sha256:ab12cdef0"
    assert parsed.query == Query(text="ignored")


DIGITS = "b34bba99b91ef0e3a1b2c3d4e5f60718293a4b5c6d7e8f901112131415161718"


@pytest.mark.parametrize(
    "text",
    [f"sha256:{DIGITS}", f"SHA256:{DIGITS.upper()}", f"nginx@sha256:{DIGITS}", f"docker://sha256:{DIGITS}",
     f"docker-pullable://registry.example.com:5000/team/app@sha256:{DIGITS}",
     f"registry.example.com/team/app:1.0@sha256:{DIGITS}"],
)  # fmt: skip
def test_digests_are_understood_as_tools_print_them(text: str) -> None:
    assert parse(f"payments {text}", now=NOW) == (Query(text="payments"), f"sha256:{DIGITS}")


@pytest.mark.parametrize("digits", [DIGITS[:12], DIGITS[:40], DIGITS, DIGITS * 2])
def test_digits_alone_are_a_digest_or_a_word(digits: str) -> None:
    assert parse(f"payments {digits.upper()}", now=NOW) == (Query(text=f"payments {digits}"), digits)
    assert parse(f"payments {digits} sha256:{DIGITS}", now=NOW).digest == f"sha256:{DIGITS}"


@pytest.mark.parametrize(
    "text", [DIGITS[:11], f"-{DIGITS[:12]}", f'"{DIGITS}"', f"tag:{DIGITS}", f"app:{DIGITS}", "x" + DIGITS]
)
def test_other_digits_are_no_digest(text: str) -> None:
    assert parse(text, now=NOW).digest == ""


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('a "b', 3),
        ("a pushd:>30d", 3),
        ("tag:", 5),
        ("tag:()", 5),
        ("tag:(a b", 5),
        ("downloads:many", 11),
        ("downloads:(>1 x)", 15),
        ("size:>5XB", 6),
        ("size:٣", 6),
        ("pushed:yesterday", 8),
        ("pushed:2026-02-30", 8),
        ("pulled:>99999y", 8),
        ("signed:maybe", 1),
        ("signed:(true false)", 1),
        ("-nginx:1.25", 2),
        ("-*", 2),
        ("sha256:ab12", 1),
        ("sha256:ab12cd sha256:ab12ce", 15),
        ("-sha256:ab12cd", 2),
        ("*a*b*c*d*e*f*g*h*i", 1),
        ("tag:*a*b*c*d*e*f*g*h*i", 5),
        ("x" * 129 + "*", 1),
        ("tag:(" + "a " * 21 + ")", 5),
        ("tag:a\0b", 5),
        ("x " + "-a " * 21, 63),
    ],
)
def test_an_error_says_at_which_character(text: str, at: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"at character {at}: "):
        read(text)


def test_an_error_repeats_nothing_of_the_query() -> None:
    with pytest.raises(InvalidArgument) as caught:
        read("downloads:<script>")

    assert "script" not in str(caught.value)


PIECES = (
    *(f"{name}:" for name in FIELD_NAMES),
    *'-"*?()<>=:@/ ',
    "30d",
    "2026-01-01",
    "1MB",
    "支付",
    "a",
    "\0",
    "\ud800",
)


@given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=40).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text, now=NOW)
    except InvalidArgument:
        return


@given(st.text(st.characters(exclude_characters='"', exclude_categories=("C", "Z")) | st.just(" "), max_size=30))
def test_a_quoted_value_is_read_back_as_it_was(value: str) -> None:
    assert read(f"registry:{quote(value)}").filters == (TextFilter("registry", (Pattern(value),)),)
