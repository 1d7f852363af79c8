"""`regdex keys`: API keys."""

import asyncio
from typing import Annotated

import typer

from cli.terminal.options import Config, Output
from cli.terminal.output import Format, print_json, print_table, text_of

group = typer.Typer(help="API keys. Regdex does not have to run for these commands.", no_args_is_help=True)


@group.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Name of the user or program that gets the key.")],
    scope: Annotated[str, typer.Option(help="read, write or admin. A higher scope includes the lower ones.")] = "read",
    expires: Annotated[str, typer.Option(help="Days until the key expires, such as 90d.", show_default="never")] = "",
    config: Config = None,
) -> None:
    """Create an API key and print it, once.

    Example: regdex keys create portal --scope read
    """
    from cli.direct import keys
    from cli.direct.connection import with_database

    key = asyncio.run(with_database(config, lambda db: keys.create_key(db, name, scope, expires)))
    typer.echo("Store this key now: it is not shown again.", err=True)
    print(key)


@group.command("list")
def list_keys(config: Config = None, output: Output = Format.TABLE) -> None:
    """List API keys without their secrets.

    Example: regdex keys list
    """
    from cli.direct import keys
    from cli.direct.connection import with_database

    rows = asyncio.run(with_database(config, keys.list_keys))
    if output is Format.JSON:
        print_json(rows)
    else:
        columns = ("id", "name", "scope", "created_at", "expires_at", "revoked_at")
        print_table(
            [column.upper() for column in columns], [[text_of(row[column]) for column in columns] for row in rows]
        )


@group.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="ID of the key, see regdex keys list.")], config: Config = None
) -> None:
    """Revoke an API key. It stops working within a minute.

    Example: regdex keys revoke h3xq2a7k
    """
    from cli.direct import keys
    from cli.direct.connection import with_database

    asyncio.run(with_database(config, lambda db: keys.revoke_key(db, key_id)))
    print(f"{key_id} revoked")
