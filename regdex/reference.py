"""Names: registries, repositories, tags, and whole references.

Source: OCI distribution specification, "Pulling manifests" (repository and tag grammar); CNCF distribution's
`reference` for what is a host and for the limits.
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

# Each separator stands between alphanumerics, so there is one way only to match: time is linear.
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
    """`[host/]repository[:tag][@digest]`; what is left out is empty. Nothing is filled in, neither host nor `latest`.

    The first component is a host when it has a dot, a colon or a capital letter, or is `localhost`, as everywhere in
    the container world: `team/app` has none. The host keeps the case it was written in.
    """

    host: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a reference; InvalidArgument names the rule that `text` breaks."""
        rest, at, digest = text.partition("@")
        if at and not is_digest(digest):
            raise InvalidArgument("after @ a reference has sha256:<64 hexadecimal digits> or sha512:<128>")
        first, slash, path = rest.partition("/")
        is_host = slash and (first == "localhost" or first != first.lower() or "." in first or ":" in first)
        host, rest = (first, path) if is_host else ("", rest)
        if is_host and (len(host) > MAX_HOST_LENGTH or not _is_host(host)):
            raise InvalidArgument("a reference begins with a host name or address, in brackets for IPv6, and a port")
        repository, colon, tag = rest.partition(":")
        check_repository(repository)
        if colon:
            check_tag(tag)
        return cls(host, repository, tag, digest)

    @classmethod
    def parse_pasted(cls, text: str) -> Self:
        """As `parse`, also with a scheme of container tools before it, and with its digest in upper case."""
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
    """InvalidArgument unless `name` can be a registry's: one path component of at most 63 characters."""
    if len(name) > MAX_REGISTRY_LENGTH or not _is_component(name):
        raise InvalidArgument(
            "a registry name is at most 63 lower-case letters and digits, separated by . _ __ or hyphens"
        )


@lru_cache(maxsize=4096)
def check_repository(name: str) -> None:
    """InvalidArgument unless `name` is a repository's in OCI grammar, of at most 255 characters."""
    if len(name) > MAX_REPOSITORY_LENGTH:
        raise InvalidArgument("a repository name has at most 255 characters")
    if not _is_repository(name):
        raise InvalidArgument(
            "a repository name is lower-case letters and digits, separated by . _ __ or hyphens, "
            "in components separated by single slashes"
        )


def check_tag(tag: str) -> None:
    """InvalidArgument unless `tag` is one in OCI grammar."""
    if not _is_tag(tag):
        raise InvalidArgument("a tag is 1 to 128 letters, digits, _ . or -, and begins with neither . nor -")


def project_of(repository: str) -> str:
    """The first path component; empty for a repository without a slash."""
    project, slash, _ = repository.partition("/")
    return project if slash else ""


def spelled_digest(tag: str) -> str | None:
    """The digest that the name of an auxiliary tag spells, as `sha256-<64 hex digits>`; None for every other tag.

    Tools put prefixes and suffixes around it: `sha256-….sig`, `team-sha256-….att`. Of a longer digest these are the
    first 64 digits. SQL has the same function. Source: OCI distribution specification, "Referrers tag schema"; cosign's
    `.sig`, `.att`, `.sbom` and `.cosign`.
    """
    found = _find_spelled_digest(tag) if len(tag) >= SPELLED_DIGEST_LENGTH else None
    return found[0] if found else None


def spell_digest(digest: Digest) -> str:
    """What `spelled_digest` finds in the names of auxiliary tags of `digest`."""
    return str(digest).replace(":", "-")[:SPELLED_DIGEST_LENGTH]
