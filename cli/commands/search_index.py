"""`regdex search-index`: the search index, and the keys of its engine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.terminal.options import SERVER, ApiKey, Config, Output, Server
from cli.terminal.output import Format, print_details

group = typer.Typer(help="The search index.", no_args_is_help=True)


@group.command("status")
def index_status(server: Server = SERVER, api_key: ApiKey = "", output: Output = Format.TABLE) -> None:
    """Show which search index is in use, its lag, and the progress of a rebuild.

    Example: regdex search-index status
    """
    from cli.calling import ask

    state = ask(server, api_key, lambda client: client.get_search_index())
    lines = {
        "index": state.index_id or "none yet",
        "behind": f"{state.index_lag_seconds:.1f} s, {state.waiting:,} repositories",
        "rebuilding": state.rebuilding,
        "documents": f"{state.rebuilt_documents:,} of {state.total_documents:,}" if state.rebuilding else "",
    }
    print_details(output, state, lines)


@group.command("rebuild")
def rebuild_index(config: Config = None) -> None:
    """Build a new search index from PostgreSQL, then replace the old one.

    Example: regdex search-index rebuild
    """
    from cli.direct.search_index import rebuild

    asyncio.run(rebuild(config))


@group.command("keys")
def make_index_keys(
    admin_key_file: Annotated[Path, typer.Option(help="File with a Meilisearch key that may create keys.")],
    directory: Annotated[Path, typer.Option(help="Directory for the new files serve and index.")],
    config: Config = None,
) -> None:
    """Create the Meilisearch keys for search.api_key_file: one for serve, one for index.

    Example: regdex search-index keys --admin-key-file secrets/meilisearch --directory secrets/search
    """
    from cli.direct.search_index import make_keys

    for path in asyncio.run(make_keys(config, admin_key_file, directory)):
        print(path)
