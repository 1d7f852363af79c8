"""Commands that run Regdex: `up` (everything, embedded), `serve` (the API), `index` (the indexer)."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.terminal.options import Config, DataDir, InsecureNoAuth, Registries, with_registries

PANEL = "Run"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    for command in (up, serve, index):
        app.command(rich_help_panel=PANEL)(command)


def up(
    registries: Registries = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Also run a demo registry with constant activity. Its --data-dir is regdex-demo."),
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
    insecure_no_auth: InsecureNoAuth = False,
) -> None:
    """Run everything in one process, with an embedded PostgreSQL and search engine.

    Example: regdex up --registry prod=http://registry.example.com:5000
    """
    from cli.processes import everything

    overrides: dict[str, Any] = with_registries(registries)
    if data_dir or demo:
        overrides["data_dir"] = str((data_dir or Path("regdex-demo")).absolute())
    settings_options = [option for text in registries or () for option in ("--registry", text)]
    settings_options += ["--data-dir", str(data_dir)] if data_dir else []
    settings_options += ["--config", str(config)] if config else []
    everything.run(
        config, overrides, demo=demo, insecure_no_auth=insecure_no_auth, settings_options=shlex.join(settings_options)
    )


def serve(
    config: Config = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Number of processes that share the ports.")] = 1,
    insecure_no_auth: InsecureNoAuth = False,
) -> None:
    """Serve REST and gRPC, with your own PostgreSQL.

    Example: regdex serve --workers 4 --config /etc/regdex/regdex.toml
    """
    from cli.processes import processes

    processes.serve(config, workers=workers, insecure_no_auth=insecure_no_auth)


def index(config: Config = None) -> None:
    """Receive webhooks and keep catalog and search index up to date, with your own PostgreSQL.

    Example: regdex index --config /etc/regdex/regdex.toml
    """
    from cli.processes import processes

    processes.index(config)
