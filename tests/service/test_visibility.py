"""What a caller may not see shows nowhere: not in hits, totals, facets, corrections, suggestions, nor by any filter."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regdex.errors import InvalidArgument
from service.caller import Caller, Scope
from service.context import Context
from service.models.search import SearchRepositoriesRequest, SuggestRepositoriesRequest
from service.searching.search import search_repositories
from service.searching.suggest import suggest_repositories
from tests.harness.searched import HIDDEN, VISIBLE, Stage, stage
from tests.harness.seed import digest_of

__all__ = ["stage"]

NOBODY = Caller(scope=Scope.READ, project_ids=frozenset())
FACETS = ["registry", "project", "platform", "media_type", "signed", "label:team"]
COUNT = sum(len(names) for names in VISIBLE.values())
# Each of these finds, or would complete to, something hidden for whoever sees everything.
ASKING_FOR_HIDDEN = (
    "zanzibar",
    "zanzibr",
    "zanz",
    "vault/zanzibar",
    "prod/vault/zanzibar",
    "zanzibar:zanzibar-1",
    "zanzibar:*",
    '"zanzibar"',
    "zanzi*",
    "*ibar",
    "project:vault",
    "project:v*",
    "project:(vault payments)",
    "label:team=zanzibar",
    "platform:zos/zanzibar",
    "platform:zos",
    "tag:zanzibar-1",
    "tag:zan*",
    "registry:prod",
    "registry:* project:*",
    "-project:payments",
    "-project:(payments library)",
    "-registry:elsewhere",
    "-tag:1.4",
    "-nginx",
    "-label:team=core",
    "gateway zanzibar",
    "zanzibar nginx",
    digest_of("hidden"),
    digest_of("hidden")[:16],
    "",
)


async def search(context: Context, caller: Caller, **fields: Any) -> dict[str, Any]:
    return await search_repositories(context, caller, SearchRepositoriesRequest(**fields))


def assert_hides(answer: dict[str, Any]) -> None:
    """No project, name, tag, label or platform of what is hidden is anywhere in it."""
    shown = orjson.dumps(answer).decode()
    assert "zanzibar" not in shown
    assert '"vault' not in shown


async def test_nothing_that_is_asked_shows_what_is_hidden(stage: Stage) -> None:
    for text in ASKING_FOR_HIDDEN:
        answer = await search(stage.context, stage.limited, q=text, facets=FACETS, page_size=100)

        assert_hides(answer)
        assert answer["total"] <= COUNT
        assert all(value["count"] <= COUNT for facet in answer["facets"] for value in facet["values"])


async def test_those_who_see_everything_find_what_is_hidden(stage: Stage) -> None:
    for text in ("zanzibar", "vault/zanzibar", "zanzi*", "project:vault", ""):
        answer = await search(stage.context, stage.everything, q=text, page_size=100)
        assert any(hit["project"] in HIDDEN for hit in answer["hits"]), text


async def test_counts_are_of_what_is_visible(stage: Stage) -> None:
    answer = await search(stage.context, stage.limited, facets=["registry", "project"], page_size=100)

    assert answer["total"] == len(answer["hits"]) == COUNT
    counts = {facet["field"]: {v["value"]: v["count"] for v in facet["values"]} for facet in answer["facets"]}
    assert counts["project"] == {project: len(names) for project, names in VISIBLE.items()}
    assert counts["registry"] == {"prod": COUNT}


async def test_typed_parameters_show_nothing_hidden(stage: Stage) -> None:
    for fields in (
        {"project": "vault"},
        {"tag": ["zanzibar-1", "*"]},
        {"label": ["team=zanzibar", "team"]},
        {"platform": ["zos/zanzibar", "linux*"]},
        {"registry": "prod", "project": "vault", "q": "zanzibar"},
        *({"order_by": order} for order in ("name", "pushed", "pulled", "downloads", "size", "stars")),
    ):
        assert_hides(await search(stage.context, stage.limited, facets=FACETS, page_size=100, **fields))


async def test_what_is_hidden_is_not_offered_as_a_correction(stage: Stage) -> None:
    for text in ("zanzibbar", "zanzibar nowhere", "zanzibra gatewy", "vualt", "vault zanzibar"):
        assert_hides(await search(stage.context, stage.limited, q=text))


async def test_what_is_hidden_is_not_suggested(stage: Stage) -> None:
    for text in (*ASKING_FOR_HIDDEN, "v", "va", "vault", "vault/", "vault/z", "z", "vault/zanzibar:", "zanzibar:z"):
        if len(text) <= 128:
            request = SuggestRepositoriesRequest(q=text, limit=20)
            assert_hides(await suggest_repositories(stage.context, stage.limited, request))
            answer = await suggest_repositories(stage.context, NOBODY, request)
            assert answer["suggestions"] == []


async def test_those_who_may_see_nothing_find_nothing(stage: Stage) -> None:
    for text in (*ASKING_FOR_HIDDEN, "nginx", "project:payments"):
        answer = await search(stage.context, NOBODY, q=text, facets=FACETS)

        assert (answer["hits"], answer["total"], answer["did_you_mean"]) == ([], 0, "")
        assert all(facet["values"] == [] for facet in answer["facets"])


PARTS = (
    *("zanzibar", "zanzi", "vault", "gateway", "payment", '"zanzibar project"', "*zan*", "-nginx", "-zanz*"),
    *("project:vault", "-project:payments", "registry:prod", "tag:*", "-tag:1.4", "label:team", "-signed:true"),
    *("platform:*", "downloads:>=0", "stars:0", "-size:>5", "media:*", "-media:*", '"', "(", ")", "OR", "*", ":"),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(PARTS), max_size=5), order=st.sampled_from(("relevance", "name", "stars")))
async def test_no_query_shows_what_is_hidden(stage: Stage, parts: list[str], order: str) -> None:
    text = " ".join(parts)
    try:
        answer = await search(stage.context, stage.limited, q=text, order_by=order, facets=FACETS, page_size=100)
    except InvalidArgument:
        return

    assert_hides(answer)
    request = SuggestRepositoriesRequest(q=text[:128], limit=20)
    assert_hides(await suggest_repositories(stage.context, stage.limited, request))
