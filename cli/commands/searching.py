"""Commands that search repositories, star them and describe them."""

from typing import Annotated, Any

import typer

from cli.terminal.arguments import place
from cli.terminal.options import SERVER, ApiKey, Output, Server
from cli.terminal.output import Format, as_dict, print_details, print_json, print_messages, print_table, pushed, size

PANEL = "Ask"
CATALOG_PANEL = "Catalog"

Repository = Annotated[str, typer.Argument(help="registry/repository")]
User = Annotated[str, typer.Option(help="User whose star it is.", show_default="the API key")]
Globs = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    for ask_command in (search, suggest):
        app.command(rich_help_panel=PANEL)(ask_command)
    for change_command in (star, unstar, describe):
        app.command(rich_help_panel=CATALOG_PANEL)(change_command)


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words and filters of the query language.")] = None,
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    project: Annotated[str | None, typer.Option(help="Only this project.", show_default=False)] = None,
    tag: Annotated[
        Globs, typer.Option(help="Only with this tag; * and ? are wildcards. Repeatable: any of them.")
    ] = None,
    label: Annotated[
        Globs, typer.Option(help="Only with this label: key or key=value. Repeatable: any of them.")
    ] = None,
    platform: Annotated[Globs, typer.Option(help="Only for this platform. Repeatable: any of them.")] = None,
    sort: Annotated[str, typer.Option(help="relevance, name, pushed, pulled, downloads, size or stars.")] = "relevance",
    facet: Annotated[
        Globs,
        typer.Option(help="Count results by registry, project, platform, media_type, signed or label:KEY. Repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="Maximum number of results.")] = 20,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Search repositories by words, which may be misspelt, and by filters.

    Examples: regdex search paymnet-gatway;
    regdex search 'nginx:1.25* pushed:>30d';
    regdex search -- payments -legacy 'label:team=*' 'size:<200MB'
    """
    from cli.calling import ask

    question: dict[str, Any] = {
        "q": " ".join(words or ()),
        "registry": registry,
        "project": project,
        "tag": tag or [],
        "label": label or [],
        "platform": platform or [],
        "order_by": sort,
        "facets": facet or [],
        "page_size": limit,
    }
    answer = ask(server, api_key, lambda client: client.search_repositories(**question))
    if output is Format.JSON:
        print_json(as_dict(answer))
        return
    if answer.degraded:
        typer.echo("The search index is unavailable: only names that contain the words are found.", err=True)
    if answer.did_you_mean:
        typer.echo(f"Nothing found. Did you mean: {answer.did_you_mean}", err=True)
    columns: dict[str, Any] = {
        "REPOSITORY": lambda hit: (
            f"{hit.registry}/{hit.repository}" + (f"@{hit.matched_digest}" if hit.matched_digest else "")
        ),
        "TAGS": lambda hit: hit.tag_count,
        "NEWEST": lambda hit: list(hit.matched_tags or hit.tags)[:3],
        "DOWNLOADS 30D": lambda hit: hit.downloads_30d,
        "STARS": lambda hit: hit.stars,
        "SIZE": lambda hit: size(hit.size_bytes),
        "PUSHED": lambda hit: pushed(hit.pushed_at, hit.pushed_before),
        "DESCRIPTION": lambda hit: hit.description or hit.title,
    }
    print_messages(output, answer.hits, columns)
    for counted in answer.facets:
        print()
        print_table(
            (counted.field.upper(), "COUNT"), [(value.value or "(none)", value.count) for value in counted.values]
        )


def suggest(
    text: Annotated[str, typer.Argument(help="The text typed so far.")],
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=20, help="Maximum number of results.")] = 10,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Complete a partly typed name: repositories, projects, and tags after a colon.

    Example: regdex suggest nginx:1.
    """
    from cli.calling import ask

    answer = ask(server, api_key, lambda client: client.suggest_repositories(q=text, registry=registry, limit=limit))
    print_messages(
        output,
        answer.suggestions,
        {"SUGGESTION": lambda found: found.text, "REGISTRY": lambda found: found.registry},
    )


def star(
    repository: Repository,
    user: User = "",
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Star a repository.

    Example: regdex star prod/payments/gateway
    """
    _star("star_repository", repository, user, server, api_key, output)


def unstar(
    repository: Repository,
    user: User = "",
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Remove the star from a repository.

    Example: regdex unstar prod/payments/gateway
    """
    _star("unstar_repository", repository, user, server, api_key, output)


def _star(method: str, repository: str, user: str, server: str, api_key: str, output: Format) -> None:
    from cli.calling import ask

    where = place(repository)
    question = {"registry": where.registry, "repository": where.repository, "user": user}
    answer = ask(server, api_key, lambda client: getattr(client, method)(**question))
    print_details(output, answer, {"stars": answer.stars, "starred": answer.starred})


def describe(
    repository: Repository,
    description: Annotated[str, typer.Argument(help="New description. If empty, that of the images is shown again.")],
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Set the description of a repository, replacing the one from its images.

    Example: regdex describe prod/payments/gateway 'Takes card payments'
    """
    from cli.calling import ask

    where = place(repository)
    question = {"registry": where.registry, "repository": where.repository, "description": description}
    answer = ask(server, api_key, lambda client: client.update_repository(**question))
    print_details(output, answer, {"repository": repository, "description": answer.description})
