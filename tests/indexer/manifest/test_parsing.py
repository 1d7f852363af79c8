"""Parsing of manifests and configs: the formats, and what does not pass (E06, E07, E08)."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer import manifest as content
from indexer.manifest import Content, Rejected, looks_like_manifest, parse_manifest, with_config
from regdex.digest import Digest
from tests.harness.forgery import forged
from tests.harness.registries import make_artifact, make_image, make_index

IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
ONE = {"mediaType": "application/octet-stream", "digest": "sha256:" + "1" * 64, "size": 10}
CONFIG = {"mediaType": IMAGE_CONFIG, "digest": "sha256:" + "c" * 64, "size": 20}


def parse(document: object, content_type: str = "") -> Content:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return parse_manifest(body, Digest.of(body), content_type)


def image(**fields: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": content.OCI_MANIFEST, "config": CONFIG, "layers": [ONE], **fields}


def index(*entries: Any, **fields: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": content.OCI_INDEX, "manifests": list(entries), **fields}


def problem_of(document: object, content_type: str = "") -> str:
    with pytest.raises(Rejected) as rejected:
        parse(document, content_type)
    return rejected.value.problem


def test_image_with_its_config_is_known_down_to_chain_ids() -> None:
    made = make_image("x", platform="linux/arm64/v8", labels={"a": "b"}, annotations={"c": "d"})
    parsed = parse_manifest(made.content, Digest.of(made.content), made.media_type)
    assert parsed.wants_config
    full = with_config(parsed, made.blobs[made.config_digest])
    diff_ids = orjson.loads(made.blobs[made.config_digest])["rootfs"]["diff_ids"]
    chain = hashlib.sha256(f"{diff_ids[0]} {diff_ids[1]}".encode()).hexdigest()
    assert (full.state, full.problem, full.truncated) == ("complete", "", False)
    assert str(full.platform) == "linux/arm64/v8"
    assert (full.labels, full.annotations) == ({"a": "b"}, {"c": "d"})
    assert [str(layer.digest) for layer in full.layers] == made.layer_digests
    assert [str(layer.diff_id) for layer in full.layers] == diff_ids
    assert [str(layer.chain_id) for layer in full.layers] == [diff_ids[0], f"sha256:{chain}"]
    assert full.created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert [step["created_by"] for step in full.history] == ["COPY 0.txt /", "COPY 1.txt /"]
    assert full.total_size_bytes == len(made.content) + sum(len(blob) for blob in made.blobs.values())
    assert "hunter2" not in repr(full)


@pytest.mark.parametrize("media_type", [content.OCI_INDEX, content.DOCKER_LIST])
def test_entries_of_an_index_are_its_children(media_type: str) -> None:
    made = make_index([make_image("x"), make_image("x", platform="windows/amd64")])
    parsed = parse({**made.document, "mediaType": media_type}, media_type)
    assert (parsed.is_index, parsed.media_type, parsed.wants_config) == (True, media_type, False)
    assert [str(child.platform) for child in parsed.children] == ["linux/amd64", "windows/amd64"]
    assert [str(child.digest) for child in parsed.children] == [child.digest for child in made.children]


@pytest.mark.parametrize(
    ("os", "architecture"), [("unknown", "unknown"), ("Unknown", "UNKNOWN"), ("linux", "unknown"), ("unknown", "amd64")]
)
def test_attestations_have_no_platform(os: str, architecture: str) -> None:
    entry = {**ONE, "platform": {"os": os, "architecture": architecture}}
    platform = parse(index(entry)).children[0].platform
    assert (str(platform), platform.os, platform.architecture) == ("", "unknown", "unknown")


def test_docker_schema_2_is_read() -> None:
    config = {**CONFIG, "mediaType": "application/vnd.docker.container.image.v1+json"}
    parsed = parse(image(mediaType=content.DOCKER_MANIFEST, config=config), content.DOCKER_MANIFEST)
    assert (parsed.media_type, parsed.artifact_type, parsed.wants_config) == (content.DOCKER_MANIFEST, "", True)


def test_artifacts_are_named_by_their_type_or_their_configs() -> None:
    made = make_artifact("{}", "application/spdx+json", make_image())
    typed = parse(made.content)
    assert (typed.artifact_type, typed.wants_config) == ("application/spdx+json", False)
    assert str(typed.subject) == make_image().digest
    helm = parse(image(config={**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}))
    assert (helm.artifact_type, helm.wants_config) == ("application/vnd.cncf.helm.config.v1+json", True)
    relic = {"mediaType": content.OCI_ARTIFACT, "artifactType": "x/y", "blobs": [ONE], "subject": ONE}
    parsed = parse(relic, content.OCI_ARTIFACT)
    assert (parsed.artifact_type, len(parsed.layers), parsed.config) == ("x/y", 1, None)


def test_oci_documents_need_no_media_type() -> None:
    for document, media_type in ((image(), content.OCI_MANIFEST), (index(ONE), content.OCI_INDEX)):
        del document["mediaType"]
        assert parse(document).media_type == media_type
        assert parse(document, media_type).media_type == media_type


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 1, "name": "app", "fsLayers": [{"blobSum": ONE["digest"]}], "history": []},
        {"schemaVersion": 1, "name": "app", "signatures": [{"protected": "e30"}]},
        {"schemaVersion": 1, "mediaType": content.SCHEMA1_SIGNED, "layers": [ONE], "config": CONFIG},
        {"mediaType": content.SCHEMA1, "annotations": {"a": "b"}},
    ],
)
def test_schema_1_is_unsupported_and_nothing_of_it_is_parsed(document: dict[str, Any]) -> None:
    parsed = parse(document, content.SCHEMA1_SIGNED)
    assert (parsed.state, parsed.problem) == ("unsupported", "schema1")
    assert parsed.media_type in (content.SCHEMA1, content.SCHEMA1_SIGNED)
    assert (parsed.config, parsed.layers, parsed.annotations, parsed.children) == (None, (), {}, ())


def test_image_that_calls_itself_version_1_is_read_by_its_shape() -> None:
    assert parse(image(schemaVersion=1)).state == "complete"
    assert parse({"schemaVersion": 1, "manifests": [ONE]}).is_index


def test_signatures_beside_an_image_change_nothing() -> None:
    """All bytes were hashed, so all of them are parsed."""
    body, payload = forged()
    parsed = parse_manifest(body, Digest.of(body))
    assert (parsed.state, parsed.annotations) == ("complete", {"org.opencontainers.image.title": "Forged"})
    assert not Digest.of(payload).fits(body)
    assert Digest.of(body).fits(body)


@pytest.mark.parametrize(
    "document",
    [
        index(ONE, layers=[ONE]),
        index(ONE, config=CONFIG),
        image(manifests=[ONE]),
        image(mediaType=content.OCI_INDEX),
        index(ONE, mediaType=content.OCI_MANIFEST),
        {"schemaVersion": 2, "manifests": [], "fsLayers": []},
    ],
)
def test_documents_that_are_both_image_and_index_are_rejected(document: object) -> None:
    assert problem_of(document) == "ambiguous"


WITHOUT_TYPE = [{key: value for key, value in each.items() if key != "mediaType"} for each in (image(), index(ONE))]
IMAGES = [
    image(),
    image(mediaType=content.DOCKER_MANIFEST),
    WITHOUT_TYPE[0],
    image(mediaType=""),
    image(mediaType=None),
]
LISTS = [index(ONE), index(ONE, mediaType=content.DOCKER_LIST), WITHOUT_TYPE[1]]
IMAGE_TYPES = [content.OCI_MANIFEST, content.DOCKER_MANIFEST]
INDEX_TYPES = [content.OCI_INDEX, content.DOCKER_LIST]
OTHER_TYPES = ["", "application/json", "text/plain", "binary/octet-stream", "text/html", "x/y"]


@pytest.mark.parametrize("document", IMAGES)
def test_any_content_type_but_an_indexs_goes_with_an_image(document: dict[str, Any]) -> None:
    expected = document.get("mediaType") or content.OCI_MANIFEST
    for content_type in [*IMAGE_TYPES, *OTHER_TYPES]:
        parsed = parse(document, content_type)
        assert (parsed.state, parsed.media_type, parsed.is_index) == ("complete", expected, False)
    for content_type in INDEX_TYPES:
        assert problem_of(document, content_type) == "media_type_mismatch"


@pytest.mark.parametrize("document", LISTS)
def test_any_content_type_but_an_images_goes_with_an_index(document: dict[str, Any]) -> None:
    expected = document.get("mediaType") or content.OCI_INDEX
    for content_type in [*INDEX_TYPES, *OTHER_TYPES]:
        parsed = parse(document, content_type)
        assert (parsed.state, parsed.media_type, len(parsed.children)) == ("complete", expected, 1)
    for content_type in IMAGE_TYPES:
        assert problem_of(document, content_type) == "media_type_mismatch"


@pytest.mark.parametrize("media_type", ["application/json", "x/y", 7, ["a"], {"a": 1}])
def test_media_type_of_something_else_is_rejected(media_type: object) -> None:
    assert problem_of(image(mediaType=media_type)) == "unsupported_media_type"


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b'"x"', b"{", b"\xff", b"{}", b"[" * 100_000, b'{"a":NaN}', b'{"layers":7,"config":{}}',
     b'{"manifests":{}}', b'{"schemaVersion":2,"layers":[]}', b'{"a":"\\ud800"}'],
)  # fmt: skip
def test_what_is_no_manifest_is_rejected(body: bytes) -> None:
    assert problem_of(body) in ("malformed", "bad_descriptor")


@pytest.mark.parametrize("size", [-1, 2**63, 2**64, 10**30, "10", 1.5, None, True, [], {}])
def test_impossible_sizes_are_rejected(size: object) -> None:
    descriptor = orjson.dumps({"digest": ONE["digest"], "size": 7}).replace(
        b"7", str(size).encode() if isinstance(size, int) and not isinstance(size, bool) else orjson.dumps(size)
    )
    for document in (image(layers=[7]), image(config=7), index(7), image(subject=7)):
        assert problem_of(orjson.dumps(document).replace(b"7", descriptor, 1)) == "bad_descriptor"


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:" + "1" * 63, "sha256:" + "1" * 65, "sha256:" + "A" * 64, "SHA256:" + "1" * 64,
     "md5:" + "1" * 32, "sha512:" + "1" * 64, "sha256:" + "1" * 64 + "\n", "sha256:" + "é" * 64, None, 7, []],
)  # fmt: skip
def test_malformed_digests_are_rejected(digest: object) -> None:
    for document in (
        image(layers=[{**ONE, "digest": digest}]),
        image(config={**CONFIG, "digest": digest}),
        image(subject={**ONE, "digest": digest}),
        index({**ONE, "digest": digest}),
    ):
        assert problem_of(document) == "bad_descriptor"


@pytest.mark.parametrize("size", [2**50 + 1, 2**62, 2**63 - 1])
def test_sizes_are_capped_at_a_pebibyte(size: int) -> None:
    large = {**ONE, "size": size}
    many = parse(image(layers=[large] * 1024, config={**CONFIG, "size": size}))
    assert (many.layers[0].size_bytes, many.config and many.config.size_bytes, many.truncated) == (2**50, 2**50, True)
    assert many.total_size_bytes < 2**63
    child = parse(index(large))
    assert (child.children[0].size_bytes, child.truncated) == (2**50, True)
    assert parse(image(layers=[{**ONE, "size": 2**50}])).truncated is False


def test_too_many_platforms_are_cut() -> None:
    entries = [{**ONE, "digest": f"sha256:{number:064x}"} for number in range(10_000)]
    parsed = parse(index(*entries))
    assert (len(parsed.children), parsed.truncated) == (256, True)
    assert parse(index(*entries[:256])).truncated is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
    | st.sampled_from([ONE, CONFIG, ONE["digest"], *content.MEDIA_TYPES]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size", "subject",
                         "annotations", "platform", "blobs", "artifactType", "rootfs", "diff_ids", "history", "created",
                         "Labels", "os", "signatures", "protected", "fsLayers"]),
        inner, max_size=8,
    ),
    max_leaves=25,
)  # fmt: skip


def _encoded(value: object) -> bytes:
    """JSON as others write it: integers of any size, lone surrogates, NaN."""
    import json

    return json.dumps(value).encode("utf-8", "surrogatepass")


@given(
    JSON | st.fixed_dictionaries({"config": JSON, "layers": st.lists(JSON)}),
    st.sampled_from(["", *content.MEDIA_TYPES]),
    JSON,
)
@example({"schemaVersion": 1, "signatures": [{"protected": "!"}]}, "", {})
@example(image(), "", {"rootfs": {"diff_ids": [ONE["digest"]]}})
def test_nothing_but_a_rejection_is_raised(document: object, content_type: str, settings: object) -> None:
    body = _encoded(document)
    looks_like_manifest(body)
    try:
        parsed = parse_manifest(body, Digest.of(body), content_type)
    except Rejected as rejected:
        assert rejected.problem  # noqa: PT017
        return
    full = with_config(parsed, _encoded(settings))
    assert b"\\u0000" not in orjson.dumps(full, default=str)
    assert 0 <= full.total_size_bytes < 2**63


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_parsed_or_rejected(body: bytes, settings: bytes) -> None:
    with_config(parse(image()), settings)
    try:
        parse_manifest(body, Digest.of(body))
    except Rejected:
        return
