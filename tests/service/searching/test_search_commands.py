"""`regdex search`, `suggest`, `star`, `unstar`, `describe` against a running service."""

import asyncio
import sys
from typing import Any

import orjson
import pytest

from service.process import Addresses


async def regdex(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def read(*arguments: str) -> Any:
    """The JSON of a command; `--output` comes before what may follow `--`."""
    at = arguments.index("--server")
    code, out, err = await regdex(*arguments[:at], "--output", "json", *arguments[at:])
    assert code == 0, err
    return orjson.loads(out)


@pytest.fixture
def server(searching: Addresses) -> tuple[str, str]:
    return "--server", searching.grpc


async def test_search_prints_hits_facets_and_what_was_meant(server: tuple[str, str]) -> None:
    code, table, _ = await regdex("search", *server, "paymnet-gatway", "--facet", "project")
    nothing, _, meant = await regdex("search", *server, "ledger zzzzzz")
    wrong, _, error = await regdex("search", *server, "downloads:many")
    found = await read("search", *server, "--tag", "1.25*", "--sort", "downloads", "nginx")

    assert (code, nothing, wrong) == (0, 0, 2)
    assert "prod/payments/payment-gateway" in table
    assert table.split()[-2:] == ["payments", "1"]
    assert "Did you mean: ledger" in meant
    assert "at character 11" in error
    assert [(hit["repository"], hit["matched_tags"]) for hit in found["hits"]] == [
        ("library/nginx", ["1.25.4-alpine", "1.25.3"])
    ]


async def test_words_after_two_dashes_are_the_language(server: tuple[str, str]) -> None:
    found = await read("search", *server, "--", "project:payments", "-ledger")

    assert [hit["repository"] for hit in found["hits"]] == ["payments/payment-gateway"]


async def test_what_is_typed_is_completed(server: tuple[str, str]) -> None:
    assert (await read("suggest", *server, "nginx:1.24"))[0]["text"] == "library/nginx:1.24.0"


async def test_the_state_of_the_index_is_told(server: tuple[str, str]) -> None:
    code, text, _ = await regdex("search-index", "status", *server)

    assert code == 0
    assert "rebuilding  no" in text
    assert (await read("search-index", "status", *server))["total_documents"] == 6


async def test_a_repository_is_starred_and_described(server: tuple[str, str]) -> None:
    assert await read("star", *server, "prod/grafana", "--user", "ann") == {"stars": 1, "starred": True}
    assert await read("star", *server, "prod/grafana") == {"stars": 2, "starred": True}
    assert await read("unstar", *server, "prod/grafana", "--user", "ann") == {"stars": 1, "starred": False}
    assert (await read("describe", *server, "prod/grafana", "Dashboards"))["description"] == "Dashboards"
    assert (await regdex("star", *server, "prod/nowhere"))[0] == 3
