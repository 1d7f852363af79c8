"""Searches that want to break something: an answer or INVALID_ARGUMENT, over both transports, from every engine."""

from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from service.caller import Caller, Scope
from service.models.search import SearchRepositoriesRequest
from service.paging import read_page
from tests.harness.asking import Asker, Refused, RestAsker
from tests.harness.searched import CONTROLS, Stage, askers, stage

__all__ = ["askers", "stage"]

Askers = tuple[Asker, Asker]


async def outcome(asker: Asker, **fields: Any) -> dict[str, Any]:
    """The answer, or of a refusal its code and what it says, which never repeats much of what was sent."""
    try:
        answer = await asker.ask("SearchRepositories", **fields)
    except Refused as refused:
        answer = {"code": refused.code, "detail": refused.detail}
    assert len(answer.get("detail", "")) < 500
    return answer


async def names(asker: Asker, **fields: Any) -> list[str]:
    return sorted(hit["repository"] for hit in (await asker.ask("SearchRepositories", **fields))["hits"])


ODD_TEXTS = (
    "!!! ??? ///",
    "-",
    "- - -",
    "--",
    "\x00",
    "nginx\x00",
    "nginx\r\nSet-Cookie: a=b",
    "\x1b[31mnginx\x1b[0m",
    "🐳🐳",
    "支付",
    "%",
    "_",
    "\\",
    "50%_off",
    "' OR 1=1 --",
    '" OR ""="',
    "(a+)+$",
    "nginx AND (1=1)",
    "registry:prod OR 1=1",
    "{{7*7}} ${7*7} #{7*7}",
    "\u202enginx\u2066",
    "NaN",
    "null",
    "x" * 512,
    " ".join("ab" for _ in range(170)),
    "/" * 512,
    '"' * 511,
    "(" * 300 + ")" * 200,
    "-" * 500,
    "*" * 500,
    "?" * 500,
    ":" * 500,
    "a:" * 250,
    "sha256:" * 70,
)


async def test_odd_texts_are_answered_or_refused_by_position(askers: Askers) -> None:
    for text in ODD_TEXTS:
        answers = [await outcome(asker, q=text) for asker in askers]
        for answer in answers:
            if "code" in answer:
                assert answer["code"] == "INVALID_ARGUMENT", text
                assert answer["detail"].startswith("q:"), text
        assert answers[0].get("hits") == answers[1].get("hits"), text


async def test_texts_of_10_kilobytes_and_1000_words_are_refused(askers: Askers) -> None:
    for asker in askers:
        for text in ("x" * 7_000, " ".join(["word"] * 1000), "支" * 513):
            assert (await outcome(asker, q=text))["code"] == "INVALID_ARGUMENT"
    assert (await outcome(askers[1], q="x" * 10_000))["code"] == "INVALID_ARGUMENT"


async def test_a_request_line_of_10_kilobytes_is_refused(askers: Askers) -> None:
    rest = askers[0]
    assert isinstance(rest, RestAsker)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{rest.base}/search", params={"q": "canary" * 2000}) as response,
    ):
        assert response.status in (400, 414)
        assert "canarycanary" not in await response.text()


async def test_bytes_that_are_no_text_are_no_text_in_a_search(askers: Askers) -> None:
    rest = askers[0]
    assert isinstance(rest, RestAsker)
    async with aiohttp.ClientSession() as session:
        for sent in ("%ED%A0%80nginx", "%FF%FE", "%C0%AFnginx", "%", "%zz", "nginx%00"):
            async with session.get(URL(f"{rest.base}/search?q={sent}", encoded=True)) as response:
                assert response.status in (200, 400), sent


async def test_a_quote_that_is_not_closed_is_refused_where_it_stands(askers: Askers) -> None:
    for asker in askers:
        for text in ('nginx "of', 'label:"a', '-"', 'tag:("a" "b'):
            answer = await outcome(asker, q=text)
            assert answer["code"] == "INVALID_ARGUMENT"
            assert "character" in answer["detail"]


async def test_signs_that_a_database_would_expand_mean_themselves(askers: Askers) -> None:
    for asker in askers:
        for field in ("label", "tag", "platform", "media_type"):
            for value in ("%", "_", "%%", "te_m=core", "team=co%", "[a-z]", ".", "core|x", "' OR 'a'='a", '" OR true'):
                assert await names(asker, **{field: [value]}) == [], (field, value)


async def test_values_with_quotes_and_backslashes_find_what_has_them(askers: Askers, stage: Stage) -> None:
    for asker in askers:
        for value in (
            'team=O\'Brien \\ "co"',
            "team=O'Brien*",
            "team=*\\*",
            "owner=50%_off",
            f"note={CONTROLS.partition('[')[0]}*",
        ):
            if not value.isprintable():
                assert (await outcome(asker, label=[value]))["code"] == "INVALID_ARGUMENT"
                continue
            assert await names(asker, label=[value]) == ["payments/ledger"], value
        assert await names(asker, media_type=["application/x'; DROP TABLE repository;--"]) == ["payments/ledger"]


async def test_too_many_values_conditions_and_brackets_are_refused(askers: Askers) -> None:
    for asker in askers:
        for text in (
            "tag:(" + "a " * 250 + ")",
            "tag:" + "(" * 300,
            " ".join(["tag:a"] * 80),
            " ".join(['"a"'] * 100),
            "tag:" + "a*" * 9,
            "*a" * 9,
        ):
            assert (await outcome(asker, q=text))["code"] == "INVALID_ARGUMENT", text
        for field in ("tag", "label", "platform", "media_type"):
            assert (await outcome(asker, **{field: ["a"] * 21}))["code"] == "INVALID_ARGUMENT"
            assert (await outcome(asker, **{field: ["a" * 129]}))["code"] == "INVALID_ARGUMENT"
            assert (await outcome(asker, **{field: ["a*" * 9]}))["code"] == "INVALID_ARGUMENT"


async def test_filters_of_fields_that_there_are_not_are_refused(askers: Askers) -> None:
    for asker in askers:
        for text in ("visible_to:(1 2)", "project_id:>0", "password_hash:(x)", '__proto__:"x"', "id:=1"):
            assert (await outcome(asker, q=text))["code"] == "INVALID_ARGUMENT", text


@pytest.mark.parametrize(
    "facet",
    ["password_hash", "__proto__", "visible_to", "project_id", "id", "label", "label:", "label:owner", "stored", "*"],
)
async def test_facets_that_are_not_offered_are_refused(askers: Askers, facet: str) -> None:
    for asker in askers:
        assert (await outcome(asker, facets=[facet]))["code"] == "INVALID_ARGUMENT"
        assert (await outcome(asker, facets=["registry", facet]))["code"] == "INVALID_ARGUMENT"


async def test_orders_that_are_not_offered_are_refused(askers: Askers) -> None:
    rest, rpc = askers
    for order in ("password_hash", "__proto__", "project_id", "-name", "name desc", "NAME", ""):
        assert (await outcome(rest, order_by=order))["code"] == "INVALID_ARGUMENT", order
    assert (await outcome(rpc, order_by=99))["code"] == "INVALID_ARGUMENT"


async def test_offsets_beyond_what_can_be_paged_are_refused_with_a_way_out(askers: Askers) -> None:
    caller, request = Caller(scope=Scope.READ), SearchRepositoriesRequest(q="nginx")
    page = read_page("SearchRepositories", caller, request, int)
    for asker in askers:
        for offset in (1000, 10_000_000, 2**62, -1):
            answer = await outcome(asker, q="nginx", page_token=page.token((offset,)))
            assert answer["code"] == "INVALID_ARGUMENT"
            assert "ListRepositories" in answer["detail"]
        assert (await outcome(asker, q="nginx", page_token=page.token((999,))))["hits"] == []


async def test_page_tokens_of_anything_else_are_refused(askers: Askers, stage: Stage) -> None:
    request = SearchRepositoriesRequest(q="gateway", page_size=1)
    everything = read_page("SearchRepositories", stage.everything, request, int).token((1,))
    tokens = (
        "garbage",
        everything[:-5],
        read_page("ListRepositories", stage.everything, request, int).token((1,)),
        read_page("SearchRepositories", stage.limited, request, int).token((1,)),
        read_page("SearchRepositories", stage.everything, request, str).token(("1",)),
    )
    for asker in askers:
        for token in tokens:
            answer = await outcome(asker, q="gateway", page_size=1, page_token=token)
            assert answer["code"] == "INVALID_ARGUMENT"
        for other in ({"q": "nginx"}, {"q": "gateway", "tag": ["1.4"]}, {"q": "gateway", "order_by": "name"}):
            assert (await outcome(asker, page_token=everything, **other))["code"] == "INVALID_ARGUMENT"
        assert "hits" in await outcome(asker, q="gateway", page_size=2, page_token=everything)


async def test_line_ends_and_escapes_in_labels_stay_inside_of_the_answer(askers: Askers) -> None:
    for asker in askers:
        (hit,) = (await asker.ask("SearchRepositories", q="payments/ledger", page_size=1))["hits"]
        assert f"note={CONTROLS}" in hit["labels"]
        pieces = [piece["text"] for shown in hit["highlights"] for piece in shown["pieces"]]
        assert "<b>" not in "".join(pieces)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    q=st.lists(
        st.sampled_from(
            ("nginx", '"', "(", ")", "-", "*", "?", ":", "tag:", "label:", "size:", "pushed:", ">", "<", "=", "\\", "'",
             "支付", "\x00", " ", "sha256:", "ab12", "30d", "registry:prod", "signed:true", "@", "/", ",", "é")
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
async def test_no_mix_of_signs_breaks_a_search(askers: Askers, q: str) -> None:
    for asker in askers:
        answer = await outcome(asker, q=q)
        assert answer.get("code", "INVALID_ARGUMENT") == "INVALID_ARGUMENT"
