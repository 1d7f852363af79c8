"""`regdex search-index`: rebuilds the search index and creates keys of Meilisearch."""

import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.direct.connection import load, open_database
from indexer.publisher import rebuild_index
from regdex import database, settings
from regdex.errors import Misconfigured
from regdex.search.engines import open_writer


async def rebuild(config: Path | None) -> None:
    """Rebuild the index and print its number of documents. A running indexer does it, else this process."""
    loaded = load(config)
    console = Console(stderr=True)
    columns = (TextColumn("documents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with open_database(loaded, size=3) as db:
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
    print(f"{count} documents")


async def make_keys(config: Path | None, admin_key_file: Path, directory: Path) -> list[Path]:
    """Create both keys and write each to a file that only its owner can read. Never overwrite a file."""
    from regdex.search.meilisearch.writing import keys

    loaded = load(config)
    if not loaded.search.url:
        raise Misconfigured("search.url: not set; the embedded engine needs no keys")
    paths = {name: directory / name for name in ("serve", "index")}
    for path in paths.values():
        if path.exists():
            raise Misconfigured(f"{path}: exists already; move it away to create new keys")
    admin_key = settings.read_secret(admin_key_file).get_secret_value()
    made = await keys.make_keys(loaded.search.url, admin_key, index=loaded.search.index)
    for name, path in paths.items():
        _write_secret(path, getattr(made, name))
    return list(paths.values())


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secret}\n")
