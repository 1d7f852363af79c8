"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from cli.terminal.arguments import registry_option
from cli.terminal.output import Format

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="REGDEX_CONFIG", help="Settings file; else ./regdex.toml, else /etc/regdex."),
]
Output: TypeAlias = Annotated[Format, typer.Option("--output", "-o", help="A table for people or JSON for programs.")]
Server: TypeAlias = Annotated[
    str, typer.Option("--server", envvar="REGDEX_SERVER", help="gRPC address of Regdex, host:port; grpcs:// for TLS.")
]
ApiKey: TypeAlias = Annotated[
    str, typer.Option("--api-key", envvar="REGDEX_API_KEY", help="API key; better in the variable.", show_default=False)
]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]
AsOf: TypeAlias = Annotated[
    str,
    typer.Option("--as-of", help="As it was then: 2026-11-17T09:00:00Z, 2026-11-17, or 7d ago.", show_default=False),
]
InsecureNoAuth: TypeAlias = Annotated[
    bool,
    typer.Option("--insecure-no-auth", help="Let anybody who reaches the address do everything."),
]

Registries: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--registry", metavar="[NAME=]URL", help="A registry to index instead of those of the file; repeatable."
    ),
]

DataDir: TypeAlias = Annotated[
    Path | None, typer.Option("--data-dir", help="Where everything is kept.", show_default="regdex-data")
]

SERVER = "127.0.0.1:9090"


def with_registries(texts: list[str] | None) -> dict[str, Any]:
    """Overrides for the settings; registries on the command line take the place of those in the file."""
    return {"registries": [registry_option(text) for text in texts]} if texts else {}
