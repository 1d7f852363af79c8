"""The engines to measure: Tantivy, and Meilisearch on the server that the bare one is on, where there is one."""

import sys
import uuid
from pathlib import Path

from regdex.search.meilisearch import MeilisearchIndex, MeilisearchWriter
from regdex.search.tantivy import TantivyIndex, TantivyWriter
from tests.benchmarks.bare_meilisearch import BareMeilisearch
from tests.regdex.search.conftest import Engine

FACET_LABELS = ("language",)


def names(server: BareMeilisearch | None) -> list[str]:
    """Says so loudly when there is no Meilisearch."""
    if server is not None:
        return ["tantivy", "meilisearch"]
    print("no `meilisearch` on PATH and no REGDEX_TEST_MEILISEARCH_URL: its rows are LEFT OUT", file=sys.stderr)
    return ["tantivy"]


def open_engine(name: str, folder: Path, server: BareMeilisearch | None) -> Engine:
    """On an index that is not there yet, in `folder` or on `server`."""
    if name == "tantivy":
        return Engine(TantivyIndex(folder / "search"), TantivyWriter(folder / "search"))
    assert server is not None
    index = f"bench-{uuid.uuid4().hex[:8]}"
    writer = MeilisearchWriter(server.url, server.key, index=index, facet_labels=FACET_LABELS, grace_seconds=0)
    return Engine(MeilisearchIndex(server.url, server.key, index=index), writer)
