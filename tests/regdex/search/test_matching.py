"""What a query means, by example: the oracle that engines are held against has to be right itself."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from regdex.search import Document, FacetValue, Query
from regdex.search.language.parser import parse
from regdex.search.language.query import Pattern
from regdex.search.matching import compile_pattern, matches
from regdex.search.selection import select
from tests.regdex.search.corpus import document

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NGINX = document(
    1,
    "library/nginx_1.25",
    title="Web server",
    description="Fast HTTP server, 高性能网络服务器",
    labels=("team=Web", "org.label=a b"),
    tags=("1.25.3", "latest", "V1"),
    platforms=("linux/amd64", "linux/arm64/v8"),
    media_types=("application/vnd.oci.image.index.v1+json",),
    artifact_types=("application/vnd.cncf.helm.config.v1+json",),
    size_bytes=1000,
    downloads_30d=10,
    stars=3,
    signed=True,
    pushed_at=datetime(2026, 11, 20, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("project:library", True), ("project:lib", False), ("project:LIB*", True), ("-project:library", False),
        ("registry:(edge prod)", True), ("tag:1.25*", True), ("tag:v1", True), ("tag:1.24*", False),
        ("label:team", True), ("label:team=web", True), ("label:tea", False), ('label:org.label="a b"', True),
        ("platform:arm64", True), ("platform:linux", True), ("platform:linux/arm64", True),
        ("platform:linux/arm", False), ("media:*helm*", True), ("media:application/vnd.oci.image.index.v1+json", True),
        ("size:1000", True), ("size:<1k", False), ("downloads:>=10", True), ("stars:>3", False), ("signed:true", True),
        ("signed:false", False), ("pushed:>30d", True), ("pushed:2026-11-20", True), ("pushed:<2026-11-20", False),
        ("pulled:<2030-01-01", False), ("-pulled:<2030-01-01", True),
        ('"web server"', True), ('"server web"', False), ('"http server"', True), ('"nginx 1.25"', True),
        ('"library nginx"', True), ('"server fast"', False), ('"网络服务"', True), ('"网服"', False), ('"!"', True),
        ("-server", False), ("-serv", True), ('-"http server"', False),
        ("nginx*", True), ("*ngin?_1.25", True), ("library/*", True), ("prod/library/*", True), ("1.2?", True),
        ("nginx", True), ("ngi?", False), ("-nginx*", False), ("*server*", False),
    ],
)  # fmt: skip
def test_conditions_hold_as_documented(text: str, holds: bool) -> None:
    assert matches(NGINX, parse(text, now=NOW).query) is holds


def test_nobody_sees_projects_that_are_not_theirs() -> None:
    assert matches(NGINX, Query(project_ids=frozenset({NGINX.project_id})))
    assert not matches(NGINX, Query(project_ids=frozenset({-1})))
    assert not matches(NGINX, Query(project_ids=frozenset()))


def test_a_glob_is_linear_in_what_it_is_held_against() -> None:
    def seconds(length: int) -> float:
        expression = compile_pattern(Pattern("*a*a*a*a*a*a*a*b", is_glob=True))
        began = time.perf_counter()
        assert expression.fullmatch("a" * length) is None
        return time.perf_counter() - began

    assert seconds(100_000) < 50 * max(seconds(10_000), 0.0005)


def test_a_selection_is_sorted_counted_and_paged() -> None:
    def made(id: int, name: str, **fields: Any) -> Document:
        return document(id, name, **fields)

    documents = [
        made(1, "b/one", size_bytes=1, labels=("team=x",)),
        made(2, "a/two", size_bytes=3, labels=("team=y", "team=x")),
        made(3, "b/three", size_bytes=2, pushed_at=None),
    ]

    found = select(documents, Query(sort="size", facets=("project", "label:team", "signed"), limit=2))

    assert [document.id for document in found.documents] == [2, 3]
    assert (found.total, found.next_offset) == (3, 2)
    assert found.facets == {
        "project": [FacetValue("b", 2), FacetValue("a", 1)],
        "label:team": [FacetValue("x", 2), FacetValue("y", 1)],
        "signed": [FacetValue("false", 3)],
    }
    assert [d.repository for d in select(documents, Query(sort="name")).documents] == ["a/two", "b/one", "b/three"]
    assert [d.id for d in select(documents, Query(sort="pushed")).documents][-1] == 3
