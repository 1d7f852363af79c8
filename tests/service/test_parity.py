"""One table, every door: RPCs of the protos, REST routes, the OpenAPI document and authorisation agree.

`python -m tests.service.test_parity` writes the golden document anew.
"""

import re
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from openapi_spec_validator import validate

from regdex.client import Client
from regdex.v1 import admin_pb2, catalog_pb2, history_pb2, search_pb2, statistics_pb2
from service.caller import Scope
from service.operations import OPERATIONS, Operation
from service.process import Addresses
from service.rest.openapi import document

GOLDEN = Path(__file__).parent / "openapi.json"
RPCS = {
    f"{service.name}.{method.name}": method
    for module in (admin_pb2, catalog_pb2, history_pb2, search_pb2, statistics_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_every_rpc_is_an_operation_and_no_other() -> None:
    assert {operation.rpc for operation in OPERATIONS} == RPCS.keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.rpc)
def test_models_are_those_of_the_rpc(operation: Operation) -> None:
    method = RPCS[operation.rpc]

    assert operation.request.__name__ == method.input_type.name
    assert operation.response.__name__ == method.output_type.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.rpc)
def test_paths_are_documented_with_their_scope(operation: Operation) -> None:
    path = document(OPERATIONS)["paths"][f"/api/v1{operation.path}"][operation.verb.lower()]

    assert path["operationId"].lower() == operation.method.lower()
    assert set(re.findall(r"{(\w+)}", operation.path)) <= operation.request.model_fields.keys()
    assert isinstance(operation.scope, Scope)


def test_an_operation_without_a_scope_cannot_be_made() -> None:
    operation = OPERATIONS[0]
    scope: Any = None

    with pytest.raises(TypeError, match="no scope"):
        Operation(
            rpc=operation.rpc,
            http=operation.http,
            run=operation.run,
            request=operation.request,
            response=operation.response,
            scope=scope,
        )


def test_the_client_has_a_method_for_every_rpc() -> None:
    for rpc in RPCS:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", rpc.partition(".")[2]).lower()
        assert callable(getattr(Client, name))


def test_the_document_is_valid_and_is_the_one_that_was_agreed() -> None:
    made = orjson.loads(orjson.dumps(document(OPERATIONS)))

    validate(made)
    assert made["openapi"].startswith("3.1")
    assert made == orjson.loads(GOLDEN.read_bytes())


async def test_the_document_and_its_page_are_served(service: Addresses) -> None:
    async with aiohttp.ClientSession(f"http://{service.rest}") as session:
        async with session.get("/openapi.json") as response:
            assert await response.json() == orjson.loads(GOLDEN.read_bytes())
        async with session.get("/docs") as response:
            assert response.status == 200
            page = await response.text()
    assert all(operation.method in page for operation in OPERATIONS)


if __name__ == "__main__":
    GOLDEN.write_bytes(orjson.dumps(document(OPERATIONS), option=orjson.OPT_INDENT_2) + b"\n")
