"""The golden set by kind of query: every engine beside a Meilisearch left at its defaults on the same documents.

What differs between the engines' answers is printed after the table.
"""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from regdex.search import Query, SearchIndex
from tests.benchmarks import bare_meilisearch, engines
from tests.benchmarks.harness import Context, Row
from tests.regdex.search.conftest import Engine, fingerprint, in_batches
from tests.regdex.search.corpus import short_name
from tests.regdex.search.golden import Scores, documents, measure
from tests.regdex.search.golden.metrics import reciprocal_rank
from tests.regdex.search.golden.queries import GOLDEN, KINDS

OVERALL = 0.95
EACH_KIND = 0.85


async def rows(_: Context) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="regdex-bench-", ignore_cleanup_errors=True) as folder:
        async with bare_meilisearch.running(Path(folder)) as server:
            bare = None
            if server is not None:
                await server.load(documents())
                bare = await measure(server.search)
                await server.drop()
            scores = {
                name: await _scores(engines.open_engine(name, Path(folder), server)) for name in engines.names(server)
            }
    for line in differences(scores):
        print(line, file=sys.stderr)
    return [row for name, found in scores.items() for row in _rows(name, found, bare)]


async def _scores(engine: Engine) -> Scores:
    await engine.writer.rebuild(fingerprint(), in_batches(documents(), 1000))
    found = await measure(answers_of(engine.index))
    await engine.index.close()
    await engine.writer.close()
    return found


def answers_of(index: SearchIndex) -> Callable[[str], Awaitable[list[str]]]:
    """What an engine finds, as judged answers name it."""

    async def answer(text: str) -> list[str]:
        return [short_name(document) for document in (await index.search(Query(text=text))).documents]

    return answer


def _rows(name: str, found: Scores, bare: Scores | None) -> list[Row]:
    rows = []
    for kind in (None, *KINDS):
        goal, reached = (EACH_KIND if kind else OVERALL), found.mrr(kind)
        rows.append(
            Row(
                f"golden set, {name}, {kind or 'all'}: MRR, recall@20",
                f"{reached:.3f} / {found.recall(kind):.3f}",
                f"{bare.mrr(kind):.3f} / {bare.recall(kind):.3f}" if bare else "-",
                reached / max(bare.mrr(kind), 0.01) if bare else reached / goal,
                f"MRR >= {goal}",
                reached >= goal,
            )
        )
    return rows


def differences(scores: dict[str, Scores]) -> list[str]:
    """Queries whose first hits differ between the engines, or that one of them misses; `*` marks a best answer."""
    lines = []
    for judged in GOLDEN:
        firsts = {name: found.hits[judged][:1] for name, found in scores.items()}
        ranks = [reciprocal_rank(judged, found.hits[judged]) for found in scores.values()]
        if len({tuple(first) for first in firsts.values()}) > 1 or min(ranks) < 1:
            shown = "; ".join(
                f"{name} {first[0]}{'*' if first[0] in judged.best else ''}" if first else f"{name} nothing"
                for name, first in firsts.items()
            )
            lines.append(f"  {judged.kind}: {judged.text} => {shown}")
    return ["golden set, where engines differ or miss the best answer:", *lines] if lines else []
