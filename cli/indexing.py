"""`regdex search-index rebuild`: the index anew from PostgreSQL, whether or not an indexer runs."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.databases import database_url, load
from indexer.publisher import rebuild_index
from regdex import database
from regdex.search.engines import open_writer


async def rebuild(config: Path | None) -> None:
    """Rebuild and swap: here when nobody publishes, else by the indexer that does; says how many are in it."""
    loaded = load(config)
    console = Console(stderr=True)
    columns = (TextColumn("documents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with database_url(loaded) as url:
        db = await database.connect(url, size=3, application="regdex cli")
        writer = open_writer(loaded)
        try:
            await database.check_current(db)
            with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
                task = progress.add_task("rebuild", total=None)
                count = await rebuild_index(
                    db, writer, on_progress=lambda done, total: progress.update(task, completed=done, total=total)
                )
        finally:
            await writer.close()
            await db.close()
    print(f"{count} documents")
