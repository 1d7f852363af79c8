"""Commands for those who run Regdex: settings, database, keys, webhooks, dead letters, the search index."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.terminal.options import SERVER, ApiKey, Config, DataDir, Output, Registries, Server, with_registries
from cli.terminal.output import Format, print_details, print_json, print_messages, print_table

PANEL = "Administration"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("webhook-config", rich_help_panel=PANEL)(webhook_config)
    app.command("backfill", rich_help_panel=PANEL)(backfill)
    app.command("audit-truth", rich_help_panel=PANEL)(audit_truth)
    dead_letters = typer.Typer(help="Deliveries that could not be recorded in full.", no_args_is_help=True)
    dead_letters.command("list")(list_dead_letters)
    dead_letters.command("replay")(replay_dead_letters)
    app.add_typer(dead_letters, name="dead-letters", rich_help_panel=PANEL)
    database = typer.Typer(help="The schema of the database.", no_args_is_help=True)
    database.command("status")(database_status)
    database.command("upgrade")(database_upgrade)
    database.command("verify-content")(verify_content)
    app.add_typer(database, name="db", rich_help_panel=PANEL)
    keys = typer.Typer(help="API keys; they are written to the database directly.", no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys", rich_help_panel=PANEL)
    config = typer.Typer(help="The settings.", no_args_is_help=True)
    config.command("check")(check_config)
    app.add_typer(config, name="config", rich_help_panel=PANEL)
    index = typer.Typer(help="The search index.", no_args_is_help=True)
    index.command("status")(index_status)
    index.command("rebuild")(rebuild_index)
    index.command("keys")(make_index_keys)
    app.add_typer(index, name="search-index", rich_help_panel=PANEL)


def check_config(config: Config = None, output: Output = Format.TABLE) -> None:
    """Check the settings and print what is in force; secrets are never printed.

    Example: regdex config check --config /etc/regdex/regdex.toml
    """
    from indexer.kinds import options_of
    from regdex import settings

    loaded = settings.load(config)
    for registry in loaded.registries:
        options_of(registry)
        if registry.password_file:
            settings.read_secret(registry.password_file)
    if output is Format.JSON:
        print_json(loaded.model_dump(mode="json"))
        return
    rows = []
    for section, value in loaded.model_dump(mode="json").items():
        if section == "registries":
            rows += [(f"registries.{item['name']}.{key}", _shown(part)) for item in value for key, part in item.items()]
        elif isinstance(value, dict):
            rows += [(f"{section}.{key}", _shown(part)) for key, part in value.items()]
        else:
            rows.append((section, _shown(value)))
    print_table(("key", "value"), rows)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def webhook_config(
    registry: Annotated[str, typer.Argument(help="Name of the registry in the settings.")],
    config: Config = None,
    url: Annotated[str, typer.Option(help="How the registry reaches Regdex; else the address it listens on.")] = "",
    registries: Registries = None,
    data_dir: DataDir = None,
) -> None:
    """Print what to paste into a registry's configuration so that it tells Regdex what happens.

    Example: regdex webhook-config prod >> config.yml
    """
    from cli.webhook_snippet import snippet_of
    from regdex import settings
    from regdex.errors import NotFound

    overrides = with_registries(registries) | ({"data_dir": str(data_dir.absolute())} if data_dir else {})
    loaded = settings.load(config, overrides=overrides)
    found = loaded.registry(registry)
    if found is None:
        names = ", ".join(item.name for item in loaded.registries) or "none"
        raise NotFound(f"no registry {registry!r} in the settings; there are: {names}")
    print(snippet_of(loaded, found, url), end="")


def backfill(
    registry: Annotated[str, typer.Argument(help="Only this registry; all when left out.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Sweep even when very much would vanish.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress until it has ended.")] = True,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Read a registry in full: find what webhooks did not tell.

    Example: regdex backfill prod
    """
    from cli.commands.backfilling import run_backfills

    asyncio.run(run_backfills(server, api_key, registry, force=force, wait=wait, form=output))


def audit_truth(
    registry: Annotated[str, typer.Argument(help="Only this registry; all when left out.")] = "",
    sample: Annotated[int, typer.Option("--sample", "-n", min=1, help="How many tags and manifests to ask for.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Ask for all of them.")] = False,
    config: Config = None,
    output: Output = Format.TABLE,
) -> None:
    """Ask registries again for what Regdex says of them; differences are printed and mended.

    Ends with 1 where an answer was wrong that Regdex would have called complete.

    Example: regdex audit-truth prod --sample 500
    """
    from cli.commands.auditing import run_audits

    audits = asyncio.run(run_audits(config, registry, sample=None if everything else sample))
    if output is Format.JSON:
        print_json(
            {
                name: {
                    "asked": audit.asked,
                    "unanswered": dict(audit.unanswered),
                    "differed": len(audit.differences),
                    "differed_undeclared": len(audit.undeclared),
                    "differences": [
                        {
                            "repository": one.repository,
                            "reference": one.reference,
                            "believed": str(one.believed or ""),
                            "found": str(one.found or ""),
                            "seen_at": one.seen_at.isoformat(),
                            "declared": one.is_declared,
                        }
                        for one in audit.differences
                    ],
                }
                for name, audit in audits.items()
            }
        )
    else:
        print_table(
            ("REGISTRY", "ASKED", "UNANSWERED", "DIFFERED", "OF THEM DECLARED"),
            [
                (
                    name,
                    str(audit.asked),
                    str(audit.unanswered.total()),
                    str(len(audit.differences)),
                    str(len(audit.differences) - len(audit.undeclared)),
                )
                for name, audit in audits.items()
            ],
        )
        if rows := [
            (f"{name}/{one.repository}", one.reference, str(one.found or "not there"), f"{one.seen_at:%Y-%m-%d %H:%M}")
            for name, audit in audits.items()
            for one in audit.differences
        ]:
            print_table(("REPOSITORY", "TAG OR DIGEST", "REGISTRY SAYS", "WRONG SINCE AT MOST"), rows)
    if any(audit.undeclared for audit in audits.values()):
        raise typer.Exit(1)


def list_dead_letters(
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List deliveries that could not be recorded in full, and why.

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


def replay_dead_letters(
    ids: Annotated[list[int] | None, typer.Argument(help="Only these; all when left out.")] = None,
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    server: Server = SERVER,
    api_key: ApiKey = "",
) -> None:
    """Put dead letters back into the inbox; nothing is ever counted twice.

    Example: regdex dead-letters replay 17 18
    """
    from cli.calling import ask

    answer = ask(server, api_key, lambda client: client.replay_dead_letters(registry=registry, ids=ids or []))
    print(f"{answer.replayed_count} replayed")


def database_status(config: Config = None) -> None:
    """Say which migrations the database has; ends with 1 when some are missing.

    Example: regdex db status
    """
    from cli.commands.databases import migration_states, with_database

    states = asyncio.run(with_database(config, migration_states))
    print_table(("MIGRATION", "STATE"), states)
    if any(state != "applied" for _, state in states):
        raise typer.Exit(1)


def database_upgrade(config: Config = None) -> None:
    """Apply the migrations that are missing.

    Example: regdex db upgrade
    """
    from cli.commands.databases import upgrade, with_database

    for name in asyncio.run(with_database(config, upgrade)) or ["nothing to do"]:
        print(name)


def verify_content(
    sample: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many random manifests are verified.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Verify all manifests instead of a sample.")] = False,
    config: Config = None,
    output: Output = Format.TABLE,
) -> None:
    """Ask the registries again for stored manifests and compare; ends with 1 when something differed.

    Rows that differ are replaced by what the registries send now. After an upgrade, `--all` also adds what this
    release reads and the one before did not.

    Example: regdex db verify-content --sample 1000
    """
    from cli.commands.verifying import verify

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


def create_key(
    name: Annotated[str, typer.Argument(help="Who or what it is for.")],
    scope: Annotated[str, typer.Option(help="read, write or admin; higher includes lower.")] = "read",
    expires: Annotated[str, typer.Option(help="Days until it ends, such as 90d.", show_default="never")] = "",
    config: Config = None,
) -> None:
    """Make an API key and print it, once.

    Example: regdex keys create portal --scope read
    """
    from cli.commands.databases import make_key, with_database

    key = asyncio.run(with_database(config, lambda db: make_key(db, name, scope, expires)))
    typer.echo("Keep it: it is not shown again.", err=True)
    print(key)


def list_keys(config: Config = None, output: Output = Format.TABLE) -> None:
    """List API keys, without their secrets.

    Example: regdex keys list
    """
    from cli.commands.databases import keys, with_database

    rows = asyncio.run(with_database(config, keys))
    if output is Format.JSON:
        print_json(rows)
    else:
        columns = ("id", "name", "scope", "created_at", "expires_at", "revoked_at")
        print_table(
            [column.upper() for column in columns], [[_shown(row[column]) for column in columns] for row in rows]
        )


def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")], config: Config = None
) -> None:
    """Revoke an API key; it stops working within a minute.

    Example: regdex keys revoke h3xq2a7k
    """
    from cli.commands.databases import end_key, with_database

    asyncio.run(with_database(config, lambda db: end_key(db, key_id)))
    print(f"{key_id} revoked")


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


def rebuild_index(config: Config = None) -> None:
    """Build the search index anew from PostgreSQL, beside the old one, and swap.

    Example: regdex search-index rebuild
    """
    from cli.commands.indexing import rebuild

    asyncio.run(rebuild(config))


def make_index_keys(
    admin_key_file: Annotated[Path, typer.Option(help="File with a key of Meilisearch that may make keys.")],
    directory: Annotated[Path, typer.Option(help="Where the files `serve` and `index` are made.")],
    config: Config = None,
) -> None:
    """Make the two keys of Meilisearch that `search.api_key_file` is for: one may search, the other also write.

    Example: regdex search-index keys --admin-key-file secrets/meilisearch --directory secrets/search
    """
    from cli.commands.indexing import make_keys

    for path in asyncio.run(make_keys(config, admin_key_file, directory)):
        print(path)
