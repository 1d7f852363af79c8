"""Digests, and the forms in which people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regdex.digest import Digest, Pasted, parse_pasted, read_pasted
from regdex.errors import InvalidArgument

HEX = "b34bba99b91ef0e3a1b2c3d4e5f60718293a4b5c6d7e8f901112131415161718"
LONG = HEX * 2

PREFIXES = [
    "",
    "docker://",
    "@",
    "nginx@",
    "nginx:1.25@",
    "registry.example.com:5000/team/app@",
    "registry.example.com/team/app:1.0@",
    "docker-pullable://registry.example.com/team/app@",
    "docker-pullable://nginx@",
    "oci://registry.example.com/charts/gateway@",
    "  ",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("upper", [False, True])
def test_digests_are_read_in_the_forms_that_tools_print(prefix: str, upper: bool) -> None:
    for algorithm, digits in (("sha256", HEX), ("sha512", LONG), ("sha256", HEX[:12]), ("sha256", "")):
        text = f"{prefix}{algorithm}:{digits}"
        assert read_pasted(text.upper() if upper else text) == Pasted(algorithm, digits)
    assert parse_pasted(f"{prefix}sha256:{HEX}") == Digest(1, bytes.fromhex(HEX))
    assert parse_pasted(f"{prefix}sha512:{LONG}".upper()) == Digest(2, bytes.fromhex(LONG))


@pytest.mark.parametrize("digits", [HEX[:1], HEX[:12], HEX, HEX.upper(), LONG])
def test_digits_alone_are_a_digest_of_any_algorithm(digits: str) -> None:
    assert read_pasted(digits) == read_pasted(f"docker://{digits}\n") == Pasted("", digits.lower())


def test_whole_digits_alone_name_one_digest() -> None:
    assert parse_pasted(HEX.upper()) == Digest(1, bytes.fromhex(HEX))
    assert parse_pasted(LONG) == Digest(2, bytes.fromhex(LONG))


@pytest.mark.parametrize(
    "text",
    ["", " ", "nginx", "nginx@", f"nginx@{HEX}", "docker://", f"md5:{HEX[:32]}", f"sha256:{HEX}0", f"sha512:{LONG}0",
     f"sha256:{HEX[:-1]}g", f"sha256-{HEX}", f"{HEX} {HEX}", f"sha256:{HEX} x", "ａ" * 64, f"a b@sha256:{HEX}",
     "docker-pullable://registry.example.com/team/app:1.0", "x" * 5000 + f"@sha256:{HEX}"],
)  # fmt: skip
def test_other_text_is_no_digest(text: str) -> None:
    assert read_pasted(text) is None
    with pytest.raises(InvalidArgument):
        parse_pasted(text)


@pytest.mark.parametrize("text", [HEX[:12], f"sha256:{HEX[:63]}", f"sha512:{HEX}", HEX + "0"])
def test_beginning_of_a_digest_is_no_digest(text: str) -> None:
    with pytest.raises(InvalidArgument, match="a digest is sha256"):
        parse_pasted(text)


@given(st.text(max_size=80) | st.text("0123456789abcdefABCDEFshat256:@/- ", max_size=150))
def test_any_text_is_read_or_not(text: str) -> None:
    pasted = read_pasted(text)
    if pasted is not None:
        assert read_pasted(str(pasted)) == pasted


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_digest_fits_its_own_bytes_only(one: bytes, other: bytes) -> None:
    assert Digest.of(one).fits(other) is (one == other)
