"""Logs and metrics of both processes.

Each log line is one event, as JSON, or as coloured text on a terminal. Lines of a request have its `request_id`.
Values of keys that name a secret are replaced by `***`. Metric labels have few values: never a repository, a tag, a
client or a path.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

request_id: ContextVar[str] = ContextVar("request_id", default="")

SECRET_WORDS = ("authorization", "cookie", "token", "password", "secret", "api_key", "dsn")
MAX_VALUE_LENGTH = 2000

DELIVERIES = Counter("regdex_deliveries_total", "Webhook deliveries by outcome.", ["registry", "outcome"])
INBOX_WAITING = Gauge("regdex_inbox_waiting", "Deliveries not recorded yet.")
INBOX_AGE = Gauge("regdex_inbox_age_seconds", "Age of the oldest delivery not recorded yet.")
EVENTS = Counter(
    "regdex_events_total", "Items of deliveries by event kind, or as ignored, rejected or foreign_host.", ["kind"]
)
RECORDER_LAG = Histogram(
    "regdex_recorder_lag_seconds", "Seconds from the receipt of a delivery to the commit of its rows."
)
DEAD_LETTERS = Counter("regdex_dead_letters_total", "Deliveries that could not be recorded in full.", ["registry"])
FETCH_ERRORS = Counter("regdex_fetch_errors_total", "Failed reads of a registry by problem.", ["registry", "problem"])
ODD_CONTENT_TYPES = Counter(
    "regdex_odd_content_types_total", "Manifests read whose Content-Type was not that of a manifest.", ["registry"]
)
FETCH_WAITING = Gauge("regdex_fetch_waiting", "Manifests not read yet.")
RECONCILE_DIFFERENCES = Counter("regdex_reconcile_differences_total", "Differences found by reconciles.", ["registry"])
AUDIT_DIFFERENCES = Counter(
    "regdex_audit_differences_total", "Errors that audits found in data marked complete.", ["registry"]
)
PULLS_IGNORED = Counter("regdex_pulls_ignored_total", "Pulls that cannot be counted, by reason.", ["reason"])
PUBLISHER_LAG = Gauge("regdex_publisher_lag_seconds", "Age of the oldest change that is not searchable yet.")
PUBLISHED = Counter("regdex_published_total", "Search documents written or removed.")
SEARCHES = Counter("regdex_searches_total", "Searches by the engine that answered.", ["source"])
SEARCH_REFUSED = Counter("regdex_search_documents_refused_total", "Search documents that Meilisearch rejected.")
SEARCH_SETTINGS_CHANGED = Gauge(
    "regdex_search_settings_changed", "Settings of the search index that differ from Regdex's."
)
REQUESTS = Histogram(
    "regdex_request_seconds",
    "Latency of answers.",
    ["transport", "route", "code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
INSECURE = Gauge("regdex_insecure_no_auth", "1 while authentication is switched off.")


def new_request_id() -> str:
    """Return a new request id and set it in the current context."""
    value = os.urandom(16).hex()
    request_id.set(value)
    return value


def configure_logs(level: str, form: str = "auto") -> None:
    """Log to standard error from `level` up. `form` is json, console, or auto (console on a terminal, else json)."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        _redact,
    ]
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=0)
        if console
        else structlog.processors.JSONRenderer(serializer=lambda value, **_: orjson.dumps(value, default=str).decode())
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _CurrentStderr()
    formatting: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not console:
        formatting.append(structlog.processors.format_exc_info)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*formatting, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aiohttp.access", "httpx2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _CurrentStderr(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stderr`: a progress bar replaces it while it is shown."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _add_request_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if current := request_id.get():
        event.setdefault("request_id", current)
    return event


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "***"
        elif isinstance(value, str) and len(value) > MAX_VALUE_LENGTH and key not in ("event", "exception"):
            event[key] = value[:MAX_VALUE_LENGTH] + "…"
    return event
