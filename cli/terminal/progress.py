"""The progress of full reads on a terminal: repositories, tags, manifests, requests per second, time left."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

WINDOW_SECONDS = 0.5


class BackfillProgress:
    """Progress bars, one per run. They show nothing unless the console is a terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            TextColumn("ETA", style="dim"),
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
        """Show the state of `run`, an object with the fields of `Backfill`."""
        if run.id not in self._tasks:
            self._tasks[run.id] = self._bars.add_task(registry, total=None, counts="")
        total = max(run.repository_total, run.repository_count)
        parts = [f"{run.repository_count:,}/{total:,} repositories" if total else "reading the catalog"]
        parts += [f"{run.tag_count:,} tags", f"{run.manifest_count:,} manifests", f"{self._rate(run):,.0f} requests/s"]
        parts += [f"{run.error_count:,} errors"] if run.error_count else []
        self._bars.update(
            self._tasks[run.id],
            total=max(total, 1) if total or run.finished_at else None,
            completed=max(total, 1) if run.finished_at else run.repository_count,
            counts=" · ".join(parts),
        )

    def _rate(self, run: Any) -> float:
        """Return requests per second: over the last half second, or over the whole run once it has ended."""
        if run.finished_at and run.started_at:
            return float(run.request_count / max((run.finished_at - run.started_at).total_seconds(), 0.001))
        now = time.monotonic()
        before, count, rate = self._seen.setdefault(run.id, (now, int(run.request_count), 0.0))
        if rate and now - before < WINDOW_SECONDS:
            return rate
        if now > before:
            rate = (run.request_count - count) / (now - before)
        if now - before >= WINDOW_SECONDS:
            self._seen[run.id] = (now, run.request_count, rate)
        return rate


def ended(run: Any) -> str:
    """Describe in one line how a run ended."""
    line = (
        f"{run.state}: {run.repository_count:,} repositories, {run.tag_count:,} tags, {run.manifest_count:,} manifests"
    )
    line += f" in {run.request_count:,} requests"
    line += f", {run.swept_count:,} gone" if run.swept_count else ""
    return f"{line}. {run.message}" if run.message else line
