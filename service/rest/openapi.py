"""Generates the OpenAPI 3.1 document from the operations."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from regdex import __version__
from service.operations import Operation
from service.rest.routes import BASE, PARAMETER

_SCHEMAS = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is the name of the gRPC status for the same error.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["INVALID_ARGUMENT", "NOT_FOUND"]},
        "request_id": {"type": "string"},
    },
}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    operations = tuple(operations)
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    for operation in operations:
        models += [(operation.request, "validation"), (operation.response, "serialization")]
    by_model, definitions = models_json_schema(models, ref_template=_SCHEMAS)
    schemas = dict(definitions.get("$defs", {}))
    requests = {operation.request.__name__: schemas.pop(operation.request.__name__, {}) for operation in operations}
    schemas["Problem"] = _PROBLEM
    paths: dict[str, Any] = {}
    for operation in operations:
        response = by_model[(operation.response, "serialization")]
        paths.setdefault(BASE + operation.path, {})[operation.verb.lower()] = _operation(
            operation, requests[operation.request.__name__], response
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Regdex",
            "version": __version__,
            "description": "The searchable memory of all your private container registries. The same operations are "
            "available over gRPC. `{repository}` may contain slashes; `/-/` marks its end.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, `rdx_…`."}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(operation: Operation, schema: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    in_path = PARAMETER.findall(operation.path)
    required = schema.get("required", [])
    rest = {name: field for name, field in schema.get("properties", {}).items() if name not in in_path}
    described: dict[str, Any] = {
        "operationId": operation.method[0].lower() + operation.method[1:],
        "tags": [operation.service.removesuffix("Service")],
        "summary": operation.summary,
        "description": f"Requires the scope `{operation.scope.word}`. gRPC: `regdex.v1.{operation.rpc}`.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": _shown(schema["properties"][name])}
            for name in in_path
        ],
        "responses": {
            "200": {"description": "Success.", "content": {"application/json": {"schema": response}}},
            "default": {
                "description": "Error.",
                "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS.format(model="Problem")}}},
            },
        },
    }
    if not operation.takes_body:
        described["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": _shown(field)}
            for name, field in rest.items()
        ]
    else:
        body: dict[str, Any] = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: _shown(field) for name, field in rest.items()},
        }
        if needed := [name for name in required if name in rest]:
            body["required"] = needed
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if operation.verb == "GET":
        described["responses"]["304"] = {"description": "Unchanged: its `ETag` is in If-None-Match."}
    return described


def _shown(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without its title, which repeats the name, and without null, which cannot be sent."""
    shown = {key: value for key, value in field.items() if key not in ("title", "default") or field.get(key)}
    shown.pop("title", None)
    choices = [choice for choice in shown.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del shown["anyOf"]
        shown.update(choices[0])
    return shown
