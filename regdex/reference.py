"""Names of registries, repositories and tags, and full image references.

Source: OCI distribution specification, "Pulling manifests" (repository and tag grammar); CNCF distribution's
package `reference` (hosts and limits).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from regdex.digest import Digest, is_digest
from regdex.errors import InvalidArgument

MAX_REPOSITORY_LENGTH = 255
MAX_REGISTRY_LENGTH = 63
MAX_HOST_LENGTH = 261  # a DNS name of 255, a colon and five digits
SPELLED_DIGEST_LENGTH = 71  # sha256- and 64 digits

# Each separator stands between alphanumerics, so a text can match in one way only, and time is linear.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_is_component = re.compile(_COMPONENT).fullmatch
_is_repository = re.compile(f"{_COMPONENT}(?:/{_COMPONENT})*").fullmatch
_is_tag = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}").fullmatch
_is_host = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?").fullmatch
_find_spelled_digest = re.compile(r"sha(?:256-[0-9a-f]{64}(?![0-9a-f])|512-[0-9a-f]{64})").search
_SCHEME = re.compile(r"^(?:docker|docker-pullable|oci)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """`[host/]repository[:tag][@digest]`. A missing part is empty; no default host or tag is added.

    The first component is a host if it has a dot, a colon or a capital letter, or is `localhost`, as in Docker:
    `team/app` has no host. The host keeps its upper and lower case.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a reference. Raise InvalidArgument with the rule that `text` breaks."""
        rest, at, digest = text.partition("@")
        if at and not is_digest(digest):
            raise InvalidArgument("after @, expected sha256:<64 hex digits> or sha512:<128 hex digits>")
        first, slash, path = rest.partition("/")
        is_host = slash and (first == "localhost" or first != first.lower() or "." in first or ":" in first)
        host, rest = (first, path) if is_host else ("", rest)
        if is_host and (len(host) > MAX_HOST_LENGTH or not _is_host(host)):
            raise InvalidArgument(
                "the host of a reference must be a name or an address (IPv6 in brackets), with an optional port"
            )
        repository, colon, tag = rest.partition(":")
        check_repository(repository)
        if colon:
            check_tag(tag)
        return cls(host, repository, tag, digest)

    @classmethod
    def parse_pasted(cls, text: str) -> Self:
        """Parse as `parse` does, but also accept a scheme such as `docker://` and a digest in upper case."""
        name, at, digest = _SCHEME.sub("", text.strip(), count=1).partition("@")
        return cls.parse(name + at + digest.lower())

    def __str__(self) -> str:
        return (
            (f"{self.host}/" if self.host else "")
            + self.repository
            + (f":{self.tag}" if self.tag else "")
            + (f"@{self.digest}" if self.digest else "")
        )


def check_registry(name: str) -> None:
    """Raise InvalidArgument unless `name` is a registry name: one path component of at most 63 characters."""
    if len(name) > MAX_REGISTRY_LENGTH or not _is_component(name):
        raise InvalidArgument(
            "a registry name has at most 63 characters: lower-case letters and digits, separated by . _ __ or hyphens"
        )


@lru_cache(maxsize=4096)
def check_repository(name: str) -> None:
    """Raise InvalidArgument unless `name` is a repository name in OCI grammar, of at most 255 characters."""
    if len(name) > MAX_REPOSITORY_LENGTH:
        raise InvalidArgument("a repository name has at most 255 characters")
    if not _is_repository(name):
        raise InvalidArgument(
            "a repository name has components separated by single slashes, "
            "each of lower-case letters and digits separated by . _ __ or hyphens"
        )


def check_tag(tag: str) -> None:
    """Raise InvalidArgument unless `tag` is a tag in OCI grammar."""
    if not _is_tag(tag):
        raise InvalidArgument("a tag has 1 to 128 letters, digits, _ . or -, and does not begin with . or -")


def project_of(repository: str) -> str:
    """Return the first path component; empty for a repository without a slash."""
    project, slash, _ = repository.partition("/")
    return project if slash else ""


def spelled_digest(tag: str) -> str | None:
    """Return the digest in the name of an auxiliary tag, as `sha256-<64 hex digits>`; None for every other tag.

    Tools add prefixes and suffixes: `sha256-….sig`, `team-sha256-….att`. A longer digest is cut to 64 digits. SQL has
    the same function. Source: OCI distribution specification, "Referrers tag schema"; cosign's
    `.sig`, `.att`, `.sbom` and `.cosign`.
    """
    found = _find_spelled_digest(tag) if len(tag) >= SPELLED_DIGEST_LENGTH else None
    return found[0] if found else None


def spell_digest(digest: Digest) -> str:
    """Return the text that `spelled_digest` finds in the auxiliary tags of `digest`."""
    return str(digest).replace(":", "-")[:SPELLED_DIGEST_LENGTH]
