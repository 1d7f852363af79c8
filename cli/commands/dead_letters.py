"""`regdex dead-letters`: deliveries that could not be recorded in full."""

from typing import Annotated

import typer

from cli.terminal.options import SERVER, ApiKey, Output, Server
from cli.terminal.output import Format, print_messages

group = typer.Typer(help="Deliveries that could not be recorded in full.", no_args_is_help=True)


@group.command("list")
def list_dead_letters(
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Maximum number of results.")] = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List deliveries that could not be recorded in full, with the reason.

    Example: regdex dead-letters list --registry prod
    """
    from cli.calling import ask

    answer = ask(server, api_key, lambda client: client.list_dead_letters(registry=registry, page_size=limit))
    print_messages(
        output,
        answer.dead_letters,
        {
            "ID": lambda letter: str(letter.id),
            "REGISTRY": lambda letter: letter.registry,
            "RECEIVED": lambda letter: letter.received_at,
            "BYTES": lambda letter: letter.body_bytes,
            "REASON": lambda letter: letter.reason,
        },
    )


@group.command("replay")
def replay_dead_letters(
    ids: Annotated[list[int] | None, typer.Argument(help="IDs of dead letters.", show_default="all")] = None,
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    server: Server = SERVER,
    api_key: ApiKey = "",
) -> None:
    """Put dead letters back into the inbox. No event is counted twice.

    Example: regdex dead-letters replay 17 18
    """
    from cli.calling import ask

    answer = ask(server, api_key, lambda client: client.replay_dead_letters(registry=registry, ids=ids or []))
    print(f"{answer.replayed_count} replayed")
