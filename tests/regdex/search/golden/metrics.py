"""How well an engine answers the golden set: mean reciprocal rank and recall, by kind of query and over all.

The reciprocal rank is of the first of a query's best answers, among the first 20 hits; an acceptable answer before it
costs a rank like any other. Recall is the part of all judged answers, best and acceptable, among the first 20.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tests.regdex.search.golden.queries import GOLDEN, KINDS, Judged

DEPTH = 20

Answer = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Scores:
    """What was found for each judged query, the first 20 as `[registry:]repository`."""

    hits: Mapping[Judged, Sequence[str]]

    def mrr(self, kind: str | None = None) -> float:
        return fmean(reciprocal_rank(judged, self.hits[judged]) for judged in _of(kind))

    def recall(self, kind: str | None = None) -> float:
        return fmean(recall(judged, self.hits[judged]) for judged in _of(kind))

    def table(self) -> str:
        """A line for each kind, and one over all."""
        rows = [f"{kind or 'all':<20} {self.mrr(kind):.3f} {self.recall(kind):.3f}" for kind in (*KINDS, None)]
        return "\n".join((f"{'kind':<20} {'MRR':<5} recall@20", *rows))

    def missed(self) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
        """Queries whose first hit is none of the best: those, and what came first."""
        return {
            f"{judged.kind}: {judged.text}": (judged.best, self.hits[judged][:3])
            for judged in GOLDEN
            if reciprocal_rank(judged, self.hits[judged]) < 1
        }


def differing(answered: Sequence[Scores]) -> dict[str, list[Sequence[str]]]:
    """Queries whose first answers are not the same and not equally good: the first answer of each engine."""
    found = {}
    for judged in GOLDEN:
        firsts = [scores.hits[judged][:1] for scores in answered]
        if len({first[0] if first and first[0] not in judged.best else bool(first) for first in firsts}) > 1:
            found[judged.text] = firsts
    return found


async def measure(answer: Answer) -> Scores:
    """Ask everything of an engine that holds the golden set's documents."""
    return Scores({judged: (await answer(judged.text))[:DEPTH] for judged in GOLDEN})


def reciprocal_rank(judged: Judged, hits: Sequence[str]) -> float:
    return next((1 / rank for rank, hit in enumerate(hits, start=1) if hit in judged.best), 0.0)


def recall(judged: Judged, hits: Iterable[str]) -> float:
    return len(set(judged.answers).intersection(hits)) / len(judged.answers)


def _of(kind: str | None) -> Iterable[Judged]:
    return (judged for judged in GOLDEN if kind in (None, judged.kind))
