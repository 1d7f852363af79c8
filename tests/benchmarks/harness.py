"""What benchmarks share: a database each, rows of the table, and the ratio to a bare counterpart in the same run."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from regdex import database
from regdex.database import Pool
from tests.benchmarks.load import Load

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio` is to the bare counterpart, or to the goal where there is none."""

    operation: str
    measured: str
    bare: str
    ratio: float
    goal: str
    met: bool


@dataclass
class Context:
    """A server to make databases on; `full` asks for the large sizes."""

    url: str
    full: bool = False
    _made: list[str] = field(default_factory=list)

    def url_of(self, name: str) -> str:
        """Of a database on the server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    @asynccontextmanager
    async def database(self, *, size: int = 10) -> AsyncIterator[Pool]:
        """A pool on a fresh, migrated database, dropped afterwards."""
        name = f"bench_{len(self._made)}"
        self._made.append(name)
        admin = await asyncpg.connect(self.url)
        await admin.execute(f'CREATE DATABASE "{name}"')
        pool = await database.connect(self.url_of(name), size=size)
        try:
            await database.upgrade(pool)
            yield pool
        finally:
            await pool.close()
            await admin.execute(f'DROP DATABASE "{name}"')
            await admin.close()


async def alternate(
    ours: Callable[[], Awaitable[float]], bare: Callable[[], Awaitable[float]], *, rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Medians of both and of their ratios, measured in turn: A B A B …"""
    return _medians([(await ours(), await bare()) for _ in range(rounds)])


@dataclass(frozen=True, slots=True)
class Loads:
    """What two servers did under the same load, in turn."""

    pairs: list[tuple[Load, Load]]

    def rate_row(self, label: str, goal: float) -> Row:
        """Answers a second, at least `goal` times those of the bare counterpart."""
        mine, other, ratio = _medians([(mine.rate, other.rate) for mine, other in self.pairs])
        return Row(label, f"{mine:,.0f}/s", f"{other:,.0f}/s", ratio, f">= {goal}", ratio >= goal)

    def p99_row(self, label: str, goal: float) -> Row:
        """The latency that one answer of a hundred exceeds, at most `goal` times that of the bare counterpart."""
        mine, other, ratio = _medians([(mine.p99_ms, other.p99_ms) for mine, other in self.pairs])
        return Row(f"{label}, p99", f"{mine:.1f} ms", f"{other:.1f} ms", ratio, f"<= {goal}", ratio <= goal)


async def alternate_loads(
    ours: Callable[[], Awaitable[Load]], bare: Callable[[], Awaitable[Load]], *, rounds: int = ROUNDS
) -> Loads:
    """Load on both in turn, as `alternate`."""
    return Loads([(await ours(), await bare()) for _ in range(rounds)])


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(mine / other for mine, other in pairs),
    )
