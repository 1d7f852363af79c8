"""The progress bars that `regdex up` shows for full reads after its start."""

import asyncio
from types import SimpleNamespace

from rich.console import Console

from cli.terminal.output import plain
from cli.terminal.progress import BackfillProgress, ended
from regdex.database import DRIVER_ERRORS, Pool, end_if_cancelled
from regdex.store.queues import backfills

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 15.0


async def watch_first_reads(db: Pool, console: Console) -> None:
    """Show every full read that is open or begins within `PATIENCE_SECONDS`, until all have ended."""
    shown: dict[int, str] = {}
    open_ids: set[int] = set()
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    with BackfillProgress(console) as progress:
        while open_ids or loop.time() < until:
            try:
                rows = await backfills.list_backfills(db, sorted(open_ids))
            except DRIVER_ERRORS:
                end_if_cancelled()
                rows = []
            for row in rows:
                run = SimpleNamespace(**row)
                shown[run.id] = plain(run.registry)
                progress.update(run, shown[run.id])
                if run.finished_at is None:
                    open_ids.add(run.id)
                elif run.id in open_ids:
                    open_ids.discard(run.id)
                    console.print(f"{shown[run.id]} #{run.id} {plain(ended(run))}", highlight=False, markup=False)
            await asyncio.sleep(POLL_SECONDS)
