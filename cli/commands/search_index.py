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
    """Say which search index answers, how far it is behind, and how far a rebuild is.

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
    """Build the search index anew from PostgreSQL, beside the old one, and swap.

    Example: regdex search-index rebuild
    """
    from cli.direct.search_index import rebuild

    asyncio.run(rebuild(config))


@group.command("keys")
def make_index_keys(
    admin_key_file: Annotated[Path, typer.Option(help="File with a key of Meilisearch that may make keys.")],
    directory: Annotated[Path, typer.Option(help="Where the files `serve` and `index` are made.")],
    config: Config = None,
) -> None:
    """Make the two keys of Meilisearch that `search.api_key_file` is for: one may search, the other also write.

    Example: regdex search-index keys --admin-key-file secrets/meilisearch --directory secrets/search
    """
    from cli.direct.search_index import make_keys

    for path in asyncio.run(make_keys(config, admin_key_file, directory)):
        print(path)
