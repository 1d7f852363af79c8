"""Pages outside of /api/v1: health, the OpenAPI document, and an HTML list of the operations."""

import base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from aiohttp import hdrs, web
from multidict import CIMultiDict

from regdex import __version__
from regdex.errors import RegdexError
from regdex.network.monitoring import Readiness
from service.etags import etag_of_bytes
from service.operations import Operation
from service.rest.answers import JSON, SECURITY_HEADERS, Answer, dump, respond
from service.rest.api import Page
from service.rest.openapi import document
from service.rest.routes import BASE

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
td:first-child { width: 34%; }
td:nth-child(2) { width: 22%; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884; }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
"""


def pages(operations: Iterable[Operation], ready: Readiness) -> Mapping[str, Page]:
    """Return the handler of each path."""
    operations = tuple(operations)

    async def healthz(_: web.BaseRequest) -> web.Response:
        return web.Response(text="ok\n", headers=_headers("text/plain; charset=utf-8", "no-store"))

    async def readyz(_: web.BaseRequest) -> web.Response:
        headers = _headers("text/plain; charset=utf-8", "no-store")
        try:
            await ready()
        except RegdexError as error:
            headers[hdrs.RETRY_AFTER] = "1"
            return web.Response(text=f"{error.code}\n", status=503, headers=headers)
        return web.Response(text="ok\n", headers=headers)

    return {
        "/healthz": healthz,
        "/readyz": readyz,
        "/openapi.json": _constant(dump(document(operations)), JSON),
        "/docs": _constant(_docs(operations).encode(), "text/html; charset=utf-8", _style_policy()),
    }


def _constant(body: bytes, content_type: str, policy: str = "") -> Page:
    headers = _headers(content_type, "no-cache")
    if policy:
        headers["Content-Security-Policy"] = policy
    headers[hdrs.ETAG] = etag_of_bytes(body)
    answer = Answer(body, headers[hdrs.ETAG], headers)

    async def page(request: web.BaseRequest) -> web.Response:
        return respond(answer, request.headers.get(hdrs.IF_NONE_MATCH))

    return page


def _headers(content_type: str, caching: str) -> "CIMultiDict[str]":
    headers = CIMultiDict(SECURITY_HEADERS)
    headers[hdrs.CONTENT_TYPE] = content_type
    headers[hdrs.CACHE_CONTROL] = caching
    return headers


def _style_policy() -> str:
    digest = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"


def _docs(operations: Iterable[Operation]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(operation.verb)}&nbsp;{escape(BASE + operation.path)}</code></td>"
        f"<td><code>{escape(operation.rpc)}</code></td><td>{escape(operation.summary)}</td>"
        f"<td>{escape(', '.join(operation.request.model_fields))}</td><td>{escape(operation.scope.word)}</td></tr>"
        for operation in operations
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Regdex API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>Regdex {escape(__version__)}</h1>"
        '<p>Machine-readable version: <a href="/openapi.json">openapi.json</a>. Send an API key as '
        "<code>Authorization: Bearer rdx_…</code>. <code>{repository}</code> may contain slashes; <code>/-/</code> "
        "marks its end. Lists are paged: send <code>next_page_token</code> as <code>page_token</code>.</p>"
        "<table><thead><tr><th>REST</th><th>gRPC</th><th>Summary</th><th>Parameters</th><th>Scope</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    )
