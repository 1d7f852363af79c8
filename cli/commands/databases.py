"""`regdex db`: schema and content of the database."""

import asyncio
from typing import Annotated

import typer

from cli.terminal.options import Config, Output
from cli.terminal.output import Format, print_json, print_table

group = typer.Typer(help="Schema and content of the database.", no_args_is_help=True)


@group.command("status")
def database_status(config: Config = None) -> None:
    """List migrations and their state. Exit with 1 unless all are applied.

    Example: regdex db status
    """
    from cli.direct.connection import with_database
    from cli.direct.migrations import migration_states

    states = asyncio.run(with_database(config, migration_states))
    print_table(("MIGRATION", "STATE"), states)
    if any(state != "applied" for _, state in states):
        raise typer.Exit(1)


@group.command("upgrade")
def database_upgrade(config: Config = None) -> None:
    """Apply missing migrations.

    Example: regdex db upgrade
    """
    from cli.direct.connection import with_database
    from cli.direct.migrations import upgrade

    for name in asyncio.run(with_database(config, upgrade)) or ["nothing to do"]:
        print(name)


@group.command("verify-content")
def verify_content(
    sample: Annotated[int, typer.Option(min=1, max=1_000_000, help="Number of random manifests to verify.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Verify all manifests instead of a sample.")] = False,
    config: Config = None,
    output: Output = Format.TABLE,
) -> None:
    """Fetch stored manifests again and compare. Exit with 1 if any differed.

    Rows that differ are replaced by what the registry sends now. After an
    upgrade, --all also adds fields that earlier releases did not read.

    Example: regdex db verify-content --sample 1000
    """
    from cli.direct.verification import verify

    found = asyncio.run(verify(config, sample=None if everything else sample))
    if output is Format.JSON:
        differences = [{"digest": str(each.digest), "fields": list(each.fields)} for each in found.differences]
        print_json({"asked": found.asked, "unread": dict(found.unread), "differences": differences})
    else:
        for each in found.differences:
            print(f"{each.digest} differed in {', '.join(each.fields)}")
        print(
            f"{found.asked} asked, {len(found.differences)} differed"
            + (" and were read again" * bool(found.differences))
        )
        for problem, count in found.unread.most_common():
            print(f"{count} not read: {problem}")
    if found.differences:
        raise typer.Exit(1)
