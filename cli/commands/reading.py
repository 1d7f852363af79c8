"""Commands that query the catalog: repositories, tags, history, lookup, resolve, downloads, top."""

from typing import Annotated, Any

import typer

from cli.terminal.arguments import moment, place
from cli.terminal.options import SERVER, ApiKey, AsOf, Limit, Output, Server
from cli.terminal.output import Format, as_dict, print_details, print_json, print_messages, pushed, short, size
from regdex.errors import InvalidArgument

PANEL = "Ask"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    for command in (repositories, tags, history, lookup, resolve, downloads, top):
        app.command(rich_help_panel=PANEL)(command)


def repositories(
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    match: Annotated[
        str, typer.Option(help="Only names that match; * and ? are wildcards. Example: 'payments/*'")
    ] = "",
    limit: Limit = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List repositories.

    Example: regdex repositories --match 'payments/*'
    """
    from cli.calling import ask_pages

    found = ask_pages(
        server,
        api_key,
        limit,
        "repositories",
        lambda client, **page: client.list_repositories(registry=registry, match=match, **page),
    )
    print_messages(
        output,
        found,
        {
            "REPOSITORY": lambda item: f"{item.registry}/{item.repository}",
            "TAGS": lambda item: item.tag_count,
            "MANIFESTS": lambda item: item.manifest_count,
            "SIZE": lambda item: size(item.size_bytes),
            "DOWNLOADS 30D": lambda item: item.downloads_30d,
            "PUSHED": lambda item: pushed(item.pushed_at, item.pushed_before),
        },
    )


def tags(
    repository: Annotated[str, typer.Argument(help="registry/repository")],
    match: Annotated[str, typer.Option(help="Only tags that match; * and ? are wildcards. Example: '1.4*'")] = "",
    as_of: AsOf = "",
    newest: Annotated[bool, typer.Option("--newest", help="Short for --order-by pushed_at.")] = False,
    order_by: Annotated[str, typer.Option(help="name, version (newest first) or pushed_at (newest first).")] = "name",
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Include tags of signatures, attestations and SBOMs.")
    ] = False,
    limit: Limit = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List the tags of a repository, now or at an earlier time.

    Example: regdex tags prod/payments/gateway --as-of 7d
    """
    from cli.calling import ask_pages

    where = place(repository)
    question: dict[str, Any] = {"registry": where.registry, "repository": where.repository, "match": match}
    question |= {"order_by": "pushed_at" if newest else order_by, "include_artifacts": artifacts} | _as_of(as_of)
    found = ask_pages(server, api_key, limit, "tags", lambda client, **page: client.list_tags(**question, **page))
    print_messages(
        output,
        found,
        {
            "TAG": lambda tag: tag.tag,
            "DIGEST": lambda tag: short(tag.digest),
            "PLATFORMS": lambda tag: list(tag.platforms),
            "SIZE": lambda tag: size(tag.total_size_bytes) if tag.indexed else "",
            "CREATED": lambda tag: tag.created_at,
            "PUSHED": lambda tag: pushed(_exact(tag), tag.first_seen_at),
            "BY": lambda tag: tag.actor,
        },
    )


def history(
    tag: Annotated[str, typer.Argument(help="registry/repository:tag")],
    since: Annotated[
        str, typer.Option(help="Only changes since this time, such as 2026-11-17 or 7d.", show_default=False)
    ] = "",
    until: Annotated[str, typer.Option(help="Only changes before this time.", show_default=False)] = "",
    limit: Limit = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List the digests that a tag pointed to over time, newest first.

    Example: regdex history prod/payments/gateway:1.4
    """
    from cli.calling import ask_pages

    where = place(tag)
    if not where.tag:
        raise InvalidArgument(f"expected registry/repository:tag; got {tag!r}")
    question: dict[str, Any] = {"registry": where.registry, "repository": where.repository, "tag": where.tag}
    question |= {name: moment(text) for name, text in (("since", since), ("until", until)) if text}
    found = ask_pages(
        server, api_key, limit, "entries", lambda client, **page: client.list_tag_history(**question, **page)
    )
    print_messages(
        output,
        found,
        {
            "WHEN": lambda entry: entry.at,
            "EXACT": lambda entry: entry.exact,
            "CHANGE": lambda entry: as_dict(entry)["change"],
            "DIGEST": lambda entry: short(entry.digest),
            "BY": lambda entry: entry.actor,
            "SOURCE": lambda entry: as_dict(entry)["source"],
        },
    )


def lookup(
    digest: Annotated[str, typer.Argument(help="A digest, or at least its first 12 hexadecimal digits.")],
    limit: Limit = 50,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Find a digest in all repositories: manifest, index, config (image ID), layer, diff ID or chain ID.

    Example: regdex lookup sha256:b34bba99b91e
    """
    from cli.calling import ask_pages

    found = ask_pages(
        server, api_key, limit, "matches", lambda client, **page: client.lookup_digest(digest=digest, **page)
    )
    print_messages(
        output,
        found,
        {
            "KIND": lambda match: as_dict(match)["kind"],
            "REPOSITORY": lambda match: f"{match.registry}/{match.repository}",
            "MANIFEST": lambda match: short(match.manifest_digest),
            "TAGS": lambda match: list(match.tags),
            "PLATFORM": lambda match: match.platform,
            "PRESENT": lambda match: match.present,
        },
    )


def resolve(
    reference: Annotated[str, typer.Argument(help="host/repository[:tag]\\[@digest]")],
    as_of: AsOf = "",
    platform: Annotated[
        str, typer.Option(help="Also show the manifest of this platform: os/architecture\\[/variant].")
    ] = "",
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Show the digest that a reference points to, now or at an earlier time.

    Example: regdex resolve harbor.example.com/prod/api:1.4 --as-of 2026-11-17
    """
    from cli.calling import ask

    question: dict[str, Any] = {"reference": reference, "platform": platform} | _as_of(as_of)
    answer = ask(server, api_key, lambda client: client.resolve_reference(**question))
    print_details(
        output,
        answer,
        {
            "digest": answer.digest,
            "media type": answer.media_type,
            "platform digest": answer.platform_digest,
            "repository": f"{answer.registry}/{answer.repository}",
            "tag": answer.tag,
            "since": pushed(_exact(answer), answer.first_seen_at),
            "not before": answer.not_before,
            "pinned": answer.pinned,
        },
    )


def downloads(
    repository: Annotated[str, typer.Argument(help="registry[/repository[:tag]]")],
    since: Annotated[str, typer.Option("--from", help="Start of the range, such as 2026-11-17 or 7d.")] = "30d",
    until: Annotated[str, typer.Option("--to", help="End of the range.", show_default="now")] = "",
    interval: Annotated[str, typer.Option(help="Count by hour, day or month.", show_default="the whole range")] = "",
    by: Annotated[list[str] | None, typer.Option("--by", help="Count by tag or platform. Repeatable.")] = None,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """Count downloads, version checks and requests.

    Example: regdex downloads prod/payments/gateway --by tag --interval day
    """
    from cli.calling import ask

    where = place(repository) if "/" in repository else None
    question: dict[str, Any] = {
        "registry": where.registry if where else repository,
        "group_by": by or [],
        "from": moment(since),
    }
    if where:
        question |= {"repository": where.repository, "tag": where.tag, "digest": where.digest}
    if until:
        question["to"] = moment(until)
    if interval:
        question["interval"] = interval
    answer = ask(server, api_key, lambda client: client.get_downloads(**question))
    if output is Format.JSON:
        print_json(as_dict(answer))
        return
    columns: dict[str, Any] = {"FROM": lambda bucket: bucket.start}
    columns |= {name.upper(): (lambda bucket, name=name: getattr(bucket, name)) for name in by or []}
    columns |= {
        "DOWNLOADS": lambda bucket: bucket.downloads,
        "VERSION CHECKS": lambda bucket: bucket.version_checks,
        "REQUESTS": lambda bucket: bucket.requests,
    }
    print_messages(output, answer.buckets, columns)
    _warn_incomplete(answer)


def top(
    window: Annotated[str, typer.Option(help="Period up to now.")] = "30d",
    registry: Annotated[str, typer.Option(help="Only this registry.")] = "",
    limit: Limit = 10,
    server: Server = SERVER,
    api_key: ApiKey = "",
    output: Output = Format.TABLE,
) -> None:
    """List the most downloaded repositories.

    Example: regdex top --window 7d
    """
    from cli.calling import ask

    answer = ask(
        server, api_key, lambda client: client.list_top_repositories(window=window, registry=registry, limit=limit)
    )
    print_messages(
        output,
        answer.repositories,
        {
            "REPOSITORY": lambda item: f"{item.registry}/{item.repository}",
            "DOWNLOADS": lambda item: item.downloads,
            "VERSION CHECKS": lambda item: item.version_checks,
            "REQUESTS": lambda item: item.requests,
        },
    )
    if output is Format.TABLE:
        _warn_incomplete(answer)


def _exact(answer: Any) -> Any:
    """Return the time of the push if the registry reported it; an empty one if a scan found that the tag had moved."""
    return answer.pushed_at if answer.exact or not answer.not_before.seconds else type(answer.pushed_at)()


def _as_of(text: str) -> dict[str, Any]:
    return {"as_of": moment(text)} if text else {}


def _warn_incomplete(answer: Any) -> None:
    if not answer.complete:
        typer.echo("Incomplete: events of this period may be missing.", err=True)
