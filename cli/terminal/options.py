"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from cli.terminal.arguments import registry_option
from cli.terminal.output import Format

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="REGDEX_CONFIG",
        help="Settings file.",
        show_default="./regdex.toml, /etc/regdex/regdex.toml",
    ),
]
Output: TypeAlias = Annotated[Format, typer.Option("--output", "-o", help="Output format.")]
Server: TypeAlias = Annotated[
    str,
    typer.Option(
        "--server", envvar="REGDEX_SERVER", help="gRPC address of Regdex, host:port. With TLS: grpcs://host:port."
    ),
]
ApiKey: TypeAlias = Annotated[
    str,
    typer.Option(
        "--api-key",
        envvar="REGDEX_API_KEY",
        help="API key. Other users can see options, so prefer the variable.",
        show_default=False,
    ),
]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of results.")]
AsOf: TypeAlias = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="Show the state at this time: 2026-11-17T09:00:00Z, 2026-11-17, or 7d (ago).",
        show_default=False,
    ),
]
InsecureNoAuth: TypeAlias = Annotated[
    bool,
    typer.Option("--insecure-no-auth", help="Accept every request without an API key."),
]

Registries: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--registry", metavar="[NAME=]URL", help="Registry to index; replaces those of the settings file. Repeatable."
    ),
]

DataDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Directory of the database, the search index and secrets.",
        show_default="regdex-data",
    ),
]

SERVER = "127.0.0.1:9090"


def with_registries(texts: list[str] | None) -> dict[str, Any]:
    """Return overrides for the settings: registries on the command line replace those in the file."""
    return {"registries": [registry_option(text) for text in texts]} if texts else {}
