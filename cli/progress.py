"""The progress of a backfill on a terminal: repositories, tags, manifests, requests a second, time left."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class BackfillProgress:
    """Bars, one a registry; `update` takes anything with the fields of `Backfill`. Silent where nobody watches."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} repositories"),
            TextColumn("{task.fields[counts]}", style="dim"),
            TimeRemainingColumn(),
            console=console,
            transient=False,
            disable=not console.is_terminal,
        )
        self._tasks: dict[int, TaskID] = {}
        self._seen: dict[int, tuple[float, int, float]] = {}

    def __enter__(self) -> "BackfillProgress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def update(self, run: Any, registry: str) -> None:
        """Show where `run` stands."""
        if run.id not in self._tasks:
            self._tasks[run.id] = self._bars.add_task(registry, total=1, counts="")
        counts = f"{run.tag_count:,} tags · {run.manifest_count:,} manifests · {self._rate(run):,.0f} requests/s" + (
            f" · {run.error_count:,} errors" if run.error_count else ""
        )
        self._bars.update(
            self._tasks[run.id],
            total=max(run.repository_total, run.repository_count, 1),
            completed=max(run.repository_count, 1) if run.finished_at else run.repository_count,
            counts=counts,
        )

    def _rate(self, run: Any) -> float:
        now = time.monotonic()
        before, count, rate = self._seen.get(run.id, (now, int(run.request_count), 0.0))
        if now - before >= 0.5:
            rate = (run.request_count - count) / (now - before)
            self._seen[run.id] = (now, run.request_count, rate)
        else:
            self._seen.setdefault(run.id, (now, run.request_count, rate))
        return rate


def ended(run: Any) -> str:
    """One line on how a run ended."""
    line = (
        f"{run.state}: {run.repository_count:,} repositories, {run.tag_count:,} tags, {run.manifest_count:,} manifests"
    )
    line += f" in {run.request_count:,} requests"
    line += f", {run.swept_count:,} gone" if run.swept_count else ""
    return f"{line}. {run.message}" if run.message else line
