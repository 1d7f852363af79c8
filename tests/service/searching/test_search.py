"""Searching over REST and gRPC on a real index: the language, parameters, facets, highlights, digests, suggestions."""

from typing import Any

import pytest

from indexer.publisher import publish, rebuild
from regdex.store.queues import outbox
from service.caller import Caller, Scope
from service.context import Context
from service.models.search import SearchRepositoriesRequest, SuggestRepositoriesRequest
from service.process import Addresses
from service.searching.search import search_repositories
from service.searching.suggest import suggest_repositories
from tests.harness.asking import Asker, Refused, RestAsker, RpcAsker
from tests.harness.seed import Seed, at, digest_of
from tests.service.conftest import Shelf


@pytest.fixture(params=["rest", "grpc"])
def asker(request: pytest.FixtureRequest, searching: Addresses) -> Asker:
    return RestAsker(searching.rest) if request.param == "rest" else RpcAsker(searching.grpc)


def names(answer: dict[str, Any]) -> list[str]:
    return [hit["repository"] for hit in answer["hits"]]


async def test_a_mistyped_name_is_found_by_the_index(asker: Asker) -> None:
    answer = await asker.ask("SearchRepositories", q="paymnet-gatway")

    assert names(answer) == ["payments/payment-gateway"]
    assert (answer["source"], answer["degraded"], answer["total"]) == ("tantivy", False, 1)
    assert answer["hits"][0]["highlights"][0]["pieces"] == [
        {"text": "payments/", "matched": False},
        {"text": "payment", "matched": True},
        {"text": "-", "matched": False},
        {"text": "gateway", "matched": True},
    ]


ASKED: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({"q": "project:payments size:<200MB"}, {"payments/ledger"}),
    ({"q": "project:payments", "max_size_bytes": 200_000_000}, {"payments/ledger"}),
    ({"project": "payments", "min_downloads": 21}, {"payments/payment-gateway"}),
    ({"project": ""}, {"grafana"}),
    ({"q": 'project:""'}, {"grafana"}),
    ({"q": "registry:edge"}, {"mirror/nginx"}),
    ({"registry": "edge"}, {"mirror/nginx"}),
    ({"q": "nginx -registry:edge"}, {"library/nginx"}),
    ({"q": "edge.example.com/mirror/nginx"}, {"mirror/nginx"}),
    ({"q": "prod.example.com/library/nginx:1.25.3"}, {"library/nginx"}),
    ({"q": "edge.example.com/library/nginx:1.25.3"}, set()),
    ({"q": "nginx:1.25*"}, {"library/nginx"}),
    ({"q": "tag:(1.24.0 nothing)"}, {"library/nginx"}),
    ({"tag": ["*-alpine"]}, {"library/nginx"}),
    ({"q": '"payment gateway"'}, {"payments/payment-gateway"}),
    ({"q": "*-gateway"}, {"payments/payment-gateway"}),
    ({"q": "project:payments -ledger"}, {"payments/payment-gateway"}),
    ({"pushed_after": at(4)}, {"grafana", "mirror/nginx"}),
    ({"pushed_before": at(1)}, {"payments/payment-gateway"}),
    ({"q": "platform:arm64"}, set()),
    ({"q": "signed:true"}, set()),
    ({"q": "zhifu"}, {"shop/checkout"}),
)


async def test_the_language_and_the_parameters_say_the_same(asker: Asker) -> None:
    found = [(fields, set(names(await asker.ask("SearchRepositories", **fields)))) for fields, _ in ASKED]

    assert found == list(ASKED)


async def test_hits_are_sorted_as_asked(asker: Asker) -> None:
    by_downloads = await asker.ask("SearchRepositories", order_by="downloads", page_size=3)
    by_name = await asker.ask("SearchRepositories", order_by="name")

    assert names(by_downloads) == ["library/nginx", "payments/payment-gateway", "shop/checkout"]
    assert names(by_name) == sorted(names(by_name))


async def test_pages_follow_each_other(asker: Asker) -> None:
    everything = names(await asker.ask("SearchRepositories", order_by="name"))
    paged: list[str] = []
    token = ""
    while True:
        answer = await asker.ask("SearchRepositories", order_by="name", page_size=2, page_token=token)
        paged += names(answer)
        token = answer["next_page_token"]
        if not token:
            break

    assert paged == everything


async def test_facets_count_everything_that_was_found(asker: Asker) -> None:
    answer = await asker.ask(
        "SearchRepositories", q="nginx", page_size=1, facets=["registry", "project", "signed", "label:team"]
    )

    facets = {facet["field"]: facet["values"] for facet in answer["facets"]}
    assert list(facets) == ["registry", "project", "signed", "label:team"]
    assert facets["registry"] == [{"value": "edge", "count": 1}, {"value": "prod", "count": 1}]
    assert facets["signed"] == [{"value": "false", "count": 2}]
    assert facets["label:team"] == []


async def test_tags_that_were_meant_are_shown(asker: Asker) -> None:
    (hit,) = (await asker.ask("SearchRepositories", q="nginx:1.25*"))["hits"]

    assert hit["matched_tags"] == ["1.25.4-alpine", "1.25.3"]


async def test_projects_the_platform_team_vouches_for_are_official(asker: Asker) -> None:
    hits = (await asker.ask("SearchRepositories"))["hits"]

    assert {hit["repository"] for hit in hits if hit["official"]} == {"library/nginx", "mirror/nginx"}


async def test_a_digest_jumps_to_its_repositories(asker: Asker) -> None:
    digest = digest_of("nginx-1.25.3")

    answer = await asker.ask("SearchRepositories", q=digest[:20].upper().replace("SHA", "sha"))

    assert [(hit["repository"], hit["matched_digest"]) for hit in answer["hits"]] == [("library/nginx", digest)]
    assert (answer["source"], answer["degraded"]) == ("postgres", False)
    assert names(await asker.ask("SearchRepositories", q=f"{digest} registry:edge")) == []
    assert names(await asker.ask("SearchRepositories", q=f"grafana {digest}")) == []


@pytest.mark.parametrize(
    "form",
    ["{digest}", "{digits}", "{twelve}", "{upper}", "SHA256:{upper}", "docker://{digest}", "docker://{digits}",
     "prod.example.com/library/nginx@{digest}", "docker-pullable://prod.example.com/library/nginx@{digest}",
     "docker-pullable://nginx@SHA256:{upper}"],
)  # fmt: skip
async def test_what_tools_print_for_a_digest_finds_its_repositories(asker: Asker, form: str) -> None:
    digest = digest_of("nginx-1.25.3")
    digits = digest.removeprefix("sha256:")

    text = form.format(digest=digest, digits=digits, twelve=digits[:12], upper=digits.upper())
    answer = await asker.ask("SearchRepositories", q=text)

    assert [(hit["repository"], hit["matched_digest"]) for hit in answer["hits"]] == [("library/nginx", digest)]
    assert names(await asker.ask("SearchRepositories", q=f"grafana {text}")) == []
    assert names(await asker.ask("SearchRepositories", q=f"nginx {text}")) == ["library/nginx"]


async def test_digits_that_begin_no_digest_are_words(shelf: Shelf, asker: Asker) -> None:
    seed = Seed(shelf.db)
    commit = "0123456789ab"
    repository = await seed.repository("prod", f"builds/{commit}", manifest_count=1)
    await seed.tag(repository, "latest", "build")
    async with shelf.db.acquire() as conn:
        await rebuild(conn, shelf.writer)

    for text in (commit, commit.upper(), f"builds {commit}"):
        answer = await asker.ask("SearchRepositories", q=text)
        assert (names(answer), answer["source"]) == ([f"builds/{commit}"], "tantivy")


async def test_another_query_is_offered_when_nothing_is_found(asker: Asker) -> None:
    offers = {"ledger zzzzzz": "ledger", "paymnet zzzzzz": "payment", "zzzzzz": "", "grafana -grafana": ""}

    for q, meant in offers.items():
        answer = await asker.ask("SearchRepositories", q=q)
        assert (answer["hits"], answer["did_you_mean"]) == ([], meant), q
        if meant:
            assert (await asker.ask("SearchRepositories", q=meant))["hits"], q


async def test_what_is_typed_is_completed(asker: Asker) -> None:
    firsts = {
        "pay": ("repository", "payments/payment-gateway"),
        "nginx:1.": ("tag", "library/nginx:1.25.4-alpine"),
        "mirr": ("repository", "mirror/nginx"),
    }

    for q, first in firsts.items():
        suggestion = (await asker.ask("SuggestRepositories", q=q))["suggestions"][0]
        assert (suggestion["kind"], suggestion["text"]) == first, q


async def test_projects_are_suggested_beside_repositories(asker: Asker) -> None:
    suggestions = (await asker.ask("SuggestRepositories", q="pay", limit=5))["suggestions"]

    assert ("project", "project:payments") in [(found["kind"], found["text"]) for found in suggestions]
    assert names(await asker.ask("SearchRepositories", q="project:payments"))


async def test_what_is_no_query_yet_is_no_error(asker: Asker) -> None:
    for q in ('"open', "tag:", "-*", ":", "a:", "支付", "", " ", "pushed:>"):
        assert isinstance((await asker.ask("SuggestRepositories", q=q))["suggestions"], list), q


async def test_a_change_is_found_once_published(asker: Asker, shelf: Shelf) -> None:
    await shelf.db.execute("UPDATE repository SET description = 'quokka' WHERE name = 'grafana'")
    await outbox.enqueue(shelf.db, [shelf.ids["grafana"]])
    assert (await asker.ask("SearchRepositories", q="grafana"))["index_lag_seconds"] > 0

    async with shelf.db.acquire() as conn:
        assert await publish(conn, shelf.writer) == 1

    assert names(await asker.ask("SearchRepositories", q="quokka")) == ["grafana"]


@pytest.mark.parametrize("has_index", [True, False])
async def test_nothing_can_widen_what_a_caller_may_see(shelf: Shelf, has_index: bool) -> None:
    project = await shelf.db.fetchval("SELECT project_id FROM repository WHERE name = 'payments/ledger'")
    caller = Caller(scope=Scope.READ, project_ids=frozenset({project}))
    context = Context(shelf.db, shelf.index if has_index else None)
    hidden = digest_of("nginx-1.25.3")

    for q in (
        "",
        "nginx",
        "nginx -payments",
        "registry:(prod edge)",
        "-project:payments",
        "*",
        "tag:*",
        hidden,
        "nginxx",
    ):
        request = SearchRepositoriesRequest(q=q, facets=["registry", "project", "platform"])
        answer = await search_repositories(context, caller, request)
        assert {hit["project"] for hit in answer["hits"]} <= {"payments"}, q
        assert answer["total"] <= 2
        counted = {value["value"] for facet in answer["facets"][:2] for value in facet["values"]}
        assert counted <= {"prod", "payments"}, q
        assert "nginx" not in answer["did_you_mean"]
    for q in ("n", "nginx:", "nginx:1", "li", ""):
        suggested = await suggest_repositories(context, caller, SuggestRepositoriesRequest(q=q))
        assert {found["project"] for found in suggested["suggestions"]} <= {"payments"}, q


async def test_an_unknown_facet_names_those_that_are_known(asker: Asker) -> None:
    with pytest.raises(Refused, match="label:team"):
        await asker.ask("SearchRepositories", facets=["label:secret"])


@pytest.mark.parametrize(
    ("asked", "draws_on_content"),
    [
        ({"q": "gateway"}, True),
        ({"q": "label:team=pay"}, True),
        ({"platform": ["linux/arm64"]}, True),
        ({"q": "nginx*", "facets": ["platform"]}, True),
        ({"signed": False}, True),
        ({"q": "*nginx*"}, False),
        ({"registry": "prod", "project": "payments"}, False),
        ({"tag": ["1.25*"], "min_downloads": 1}, False),
    ],
)
async def test_a_search_is_complete_when_what_it_is_drawn_from_was_read(
    shelf: Shelf, asker: Asker, asked: dict[str, Any], draws_on_content: bool
) -> None:
    await shelf.db.execute("UPDATE registry SET reconciled_at = now()")
    await shelf.db.execute("UPDATE gap SET until = now()")
    await shelf.db.execute("DELETE FROM fetch_queue")
    assert (await asker.ask("SearchRepositories", **asked))["complete"] is True

    seed = Seed(shelf.db)
    await seed.present(shelf.ids["payments/ledger"], "unread")
    await seed.image("unread", state="rejected")

    assert (await asker.ask("SearchRepositories", **asked))["complete"] is not draws_on_content
    assert (await asker.ask("SearchRepositories", **(asked | {"registry": "edge"})))["complete"] is True
