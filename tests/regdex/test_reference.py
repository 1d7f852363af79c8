"""Names and references: the accepted and refused examples of distribution's own tests, and round trips."""

import fnmatch
import re
from contextlib import suppress

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.errors import InvalidArgument
from regdex.reference import (
    Reference,
    check_registry,
    check_repository,
    check_tag,
    glob_to_like,
    project_of,
    spelled_digest,
)

F64 = "sha256:" + "f" * 64
F128 = "sha512:" + "f" * 128


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag", "digest"),
    [
        ("test_com", "", "test_com", "", ""),
        ("test.com:tag", "", "test.com", "tag", ""),
        ("test.com:5000", "", "test.com", "5000", ""),
        ("test.com/repo:tag", "test.com", "repo", "tag", ""),
        ("test:5000/repo", "test:5000", "repo", "", ""),
        ("test:5000/repo:tag", "test:5000", "repo", "tag", ""),
        (f"test:5000/repo@{F64}", "test:5000", "repo", "", F64),
        (f"test:5000/repo:tag@{F64}", "test:5000", "repo", "tag", F64),
        ("lowercase:Uppercase", "", "lowercase", "Uppercase", ""),
        ("sub-dom1.foo.com/bar/baz/quux", "sub-dom1.foo.com", "bar/baz/quux", "", ""),
        (
            "b.gcr.io/test.example.com/my-app:test.example.com",
            "b.gcr.io",
            "test.example.com/my-app",
            "test.example.com",
            "",
        ),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", ""),
        (f"xn--7o8h.com/myimage:xn--7o8h.com@{F128}", "xn--7o8h.com", "myimage", "xn--7o8h.com", F128),
        ("foo_bar.com:8080", "", "foo_bar.com", "8080", ""),
        ("foo/foo_bar.com:8080", "", "foo/foo_bar.com", "8080", ""),
        ("192.168.1.1", "", "192.168.1.1", "", ""),
        ("192.168.1.1:5000", "", "192.168.1.1", "5000", ""),
        ("192.168.1.1/repo", "192.168.1.1", "repo", "", ""),
        ("192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050", ""),
        ("[2001:db8::1]/repo", "[2001:db8::1]", "repo", "", ""),
        ("[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]", "repo", "tag", ""),
        ("[2001:db8::1]:5000/repo", "[2001:db8::1]:5000", "repo", "", ""),
        (f"[2001:db8::1]:5000/repo:tag@{F64}", "[2001:db8::1]:5000", "repo", "tag", F64),
        ("[::1]:5000/repo", "[::1]:5000", "repo", "", ""),
        ("localhost/app", "localhost", "app", "", ""),
        ("Docker/docker", "Docker", "docker", "", ""),
        ("team/app:1.4", "", "team/app", "1.4", ""),
        ("docker---rules/docker", "", "docker---rules/docker", "", ""),
        ("dock__er/docker", "", "dock__er/docker", "", ""),
        ("a/" * 127 + "a:tag", "", "a/" * 127 + "a", "tag", ""),
        ("h.example/" + "a/" * 127 + "a:" + "t" * 128, "h.example", "a/" * 127 + "a", "t" * 128, ""),
    ],
)
def test_reference_is_split_and_written_back(text: str, host: str, repository: str, tag: str, digest: str) -> None:
    reference = Reference.parse(text)

    assert reference == Reference(host, repository, tag, digest)
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":justtag",
        f"@{F64}",
        "repo@sha256:" + "f" * 34,
        "repo@sha256:" + "F" * 64,
        "validname@invaliddigest:" + "f" * 128,
        f"repo@{F64}@{F64}",
        "repo@",
        "repo:",
        "Uppercase:tag",
        "test:5000/Uppercase/lowercase:tag",
        "a/" * 128 + "a:tag",
        "aa/asdf$$^/aa",
        "[2001:db8::1]",
        "[2001:db8::1]:5000",
        "[2001:db8::1]:tag",
        "[fe80::1%eth0]:5000/repo",
        "[fe80::1%@invalidzone]:5000/repo",
        "https://github.com/docker/docker",
        "docker/Docker",
        "-docker/docker",
        "docker-/docker",
        "-docker.io/docker/docker",
        "docker.io/docker///docker",
        "fc00::1:5000/debian",
        "[2001:db8:3:4::192.0.2.33]:5000/debian",
        "____/____",
        "_docker/_docker",
        "dock..er/docker",
        "dock_.er/docker",
        "dock-.er/docker",
        "docker/",
        "../../etc",
        "a//b",
        "%2e%2e/a",
        "team/app ",
        "team/app\n",
        "team/app:1\n",
        "team/🐳",
        "team/a\u202eb",
        "team/a\0b",
        "team/\ud800",
        "h.example:123456/app",
        "x" * 300 + ".example/app",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Reference.parse(text)


components = st.from_regex(r"[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
hosts = st.from_regex(r"([a-zA-Z0-9]{1,5}\.[a-z]{2,3}|\[::[0-9a-f]{1,4}\]|localhost)(:[0-9]{1,5})?", fullmatch=True)


@given(
    host=st.just("") | hosts,
    repository=st.lists(components, min_size=1, max_size=4).map("/".join),
    tag=st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.sampled_from(["", F64, F128]),
)
def test_every_reference_reads_back_as_it_was_written(host: str, repository: str, tag: str, digest: str) -> None:
    first = repository.partition("/")[0]
    if not host and ("." in first or first == "localhost"):
        repository = f"x{repository.replace('.', '-').replace('localhost', 'local')}"
    reference = Reference(host, repository, tag, digest)

    assert Reference.parse(str(reference)) == reference


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(InvalidArgument):
        assert str(Reference.parse(text)) == text


def test_names_have_their_limits() -> None:
    check_repository("a" * 255)
    check_tag("T" * 128)
    check_registry("r" * 63)
    for check, name in ((check_repository, "a" * 256), (check_tag, "T" * 129), (check_registry, "r" * 64)):
        with pytest.raises(InvalidArgument):
            check(name)


@pytest.mark.parametrize("name", ["", "Prod", "a/b", "-a", "a..b", "a b", "a\n"])
def test_registry_name_is_one_component(name: str) -> None:
    with pytest.raises(InvalidArgument):
        check_registry(name)


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a/b", "a:b", "ä", "١", "a\n"])
def test_tag_outside_the_grammar_is_refused(tag: str) -> None:
    with pytest.raises(InvalidArgument):
        check_tag(tag)


def test_project_is_the_first_component() -> None:
    assert project_of("payments/eu/gateway") == "payments"
    assert project_of("gateway") == ""


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f"sha256-{A}", f"sha256-{A}"),
        (f"sha256-{A}.sig", f"sha256-{A}"),
        (f"sha256-{A}.att", f"sha256-{A}"),
        (f"sha256-{A}.sbom", f"sha256-{A}"),
        (f"sha256-{A}.cosign", f"sha256-{A}"),
        (f"sha256-{A}.sig.1", f"sha256-{A}"),
        (f"sha256-{A}-vuln", f"sha256-{A}"),
        (f"team-sha256-{A}.sig", f"sha256-{A}"),
        (f"signed_sha256-{A}", f"sha256-{A}"),
        (f"sha512-{A}", f"sha512-{A}"),
        (f"sha512-{A}{B[:50]}", f"sha512-{A}"),
        (f"sha256-{A[:63]}", None),
        (f"sha256-{A}b", None),
        (f"sha256-{A.upper()}", None),
        (f"sha384-{A}", None),
        (A, None),
        ("sha256-abc", None),
        ("latest", None),
    ],
)
def test_tags_that_spell_a_digest_are_told_from_tags_of_people(tag: str, expected: str | None) -> None:
    assert spelled_digest(tag) == expected


def test_glob_becomes_a_pattern_with_all_else_literal() -> None:
    assert glob_to_like("payments/*-v?") == "payments/%-v_"
    assert glob_to_like(r"50%_\*") == r"50\%\_\\%"
    assert glob_to_like("") == "%"


@pytest.mark.parametrize("glob", ["*" * 9, "a" * 129, "a\0b", "a\nb", "\ud800"])
def test_glob_over_its_limits_is_refused(glob: str) -> None:
    with pytest.raises(InvalidArgument):
        glob_to_like(glob)


async def test_pattern_matches_what_the_glob_means(postgres_url: str) -> None:
    names = ["a", "ab", "a%b", "a_b", "a\\b", "payments/api", "payments/api-v2", "50%", "[a]", "axb"]
    connection = await asyncpg.connect(postgres_url)
    try:
        for glob in ["*", "a?b", "a%b", "a_b", "a\\b", "payments/*", "*v?", "50%", "[a]", "a*", "????"]:
            found = await connection.fetch(
                "SELECT name FROM unnest($1::text[]) AS name WHERE name LIKE $2", names, glob_to_like(glob)
            )
            expected = re.compile(fnmatch.translate(glob.replace("[", "[[]")))
            assert [row["name"] for row in found] == [name for name in names if expected.match(name)]
    finally:
        await connection.close()
