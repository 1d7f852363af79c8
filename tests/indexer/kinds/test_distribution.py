"""The decoder for Distribution: what running registries sent, variations on it, and what nobody should send.

B03 malformed JSON, B04 NUL, B09 odd batches, B10 odd names, B11 foreign hosts.
"""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.kinds import Delivery, kind_of
from regdex.errors import Misconfigured, Undecodable
from regdex.events import (
    Decoded,
    ManifestDeleted,
    ManifestPulled,
    ManifestPushed,
    RegistryEvent,
    RepositoryDeleted,
    TagDeleted,
    delivery_of,
    event_key,
    position_of,
)

DATA = Path(__file__).parent / "data"
RECEIVED_AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
DIGEST = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf"
OTHER = "sha256:c3b3692957d439ac1928219a83fac91e7bf96c153725526874673ae1f2023f8d"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def deliver(body: bytes, *, hosts: tuple[str, ...] = (), id: int = 7) -> Decoded:
    return kind_of("distribution").decode(Delivery(id, "prod", RECEIVED_AT, {}, body, hosts))


def decode(*items: Any, hosts: tuple[str, ...] = (), id: int = 7) -> Decoded:
    return deliver(orjson.dumps({"events": list(items)}), hosts=hosts, id=id)


def item(action: Any = "push", *, target: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An item as Distribution 3 sends it; a change to None leaves the key out."""
    made: dict[str, Any] = {
        "id": "01a20aef-640a-7ce9-b870-ab89d9088c54",
        "timestamp": "2026-11-24T00:23:10.602846697Z",
        "action": action,
        "target": {
            "mediaType": MANIFEST,
            "digest": DIGEST,
            "size": 417,
            "length": 417,
            "repository": "team/app",
            "url": f"http://registry.example:5000/v2/team/app/manifests/{DIGEST}",
            "tag": "1.0",
        },
        "request": {
            "id": "01a20aef-6407-78c5-9fc2-93e0587702f6",
            "addr": "192.0.2.10:55698",
            "host": "registry.example:5000",
            "method": "GET" if action == "pull" else "PUT" if action == "push" else "DELETE",
            "useragent": "docker/27.3.1",
        },
        "actor": {"name": "ada"},
        "source": {"addr": "vm:5000", "instanceID": "01a20aef-57fc-7a22-95c4-b8b825db267c"},
    }
    made["target"] |= target or {}
    made |= changes
    made["target"] = {key: value for key, value in made["target"].items() if value is not None}
    return {key: value for key, value in made.items() if value is not None}


def only(decoded: Decoded) -> RegistryEvent:
    assert (len(decoded.events), decoded.ignored, decoded.rejected) == (1, 0, ())
    return decoded.events[0]


def sample(name: str) -> Decoded:
    return deliver((DATA / f"{name}.json").read_bytes())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_sample_push_by_tag() -> None:
    assert sample("distribution3.captured_push_tag") == Decoded(
        [
            ManifestPushed(
                repository="team/app",
                received_at=RECEIVED_AT,
                told_at=at("2026-11-24T00:23:10.602846Z"),
                told_nanos=697,
                position=position_of(7, 0),
                key=event_key("prod", "distribution", "01a20aef-640a-7ce9-b870-ab89d9088c54"),
                digest="sha256:b34bba99b91ec3188cb03582bf4de3309cd06afe897ebce329c336e94801e0b0",
                tag="1.0",
                media_type=MANIFEST,
            )
        ],
        instance="01a20aef-57fc-7a22-95c4-b8b825db267c",
    )


def test_sample_push_by_digest() -> None:
    event = only(sample("distribution3.captured_push_by_digest"))

    assert isinstance(event, ManifestPushed)
    assert event.tag == ""
    assert event.digest == "sha256:d60d53079480ce7eba771ca682c87a12b17b678e88cee9dd7b81008071c1b213"


def test_sample_batch_keeps_the_manifest_and_ignores_its_layers() -> None:
    decoded = sample("distribution.push_envelope_batch")

    assert decoded.ignored == 2
    assert [(event.repository, event.actor, event.at) for event in decoded.events] == [
        ("library/test", "test-actor", at("2006-01-02T15:04:05Z"))
    ]


def test_sample_pull_by_get() -> None:
    assert only(sample("distribution.pull_manifest_get")) == ManifestPulled(
        repository="hello-world",
        received_at=RECEIVED_AT,
        told_at=at("2016-03-09T22:44:26.402973Z"),
        told_nanos=972,
        position=position_of(7, 0),
        key=event_key("prod", "distribution", "320678d8-ca14-430f-8bb6-4ca139cd83f7"),
        digest=DIGEST,
        tag="latest",
        address="192.168.64.11",
        user_agent="curl/7.38.0",
    )


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("distribution.pull_manifest_head.constructed", "latest"),
        ("distribution3.captured_pull_head_tag", "1.0"),
        ("distribution3.captured_pull_head_digest", ""),
    ],
)
def test_sample_pull_by_head(name: str, tag: str) -> None:
    event = only(sample(name))

    assert isinstance(event, ManifestPulled)
    assert (event.is_head, event.tag) == (True, tag)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("distribution.delete_manifest.constructed", DIGEST),
        (
            "distribution3.captured_delete_digest",
            "sha256:b34bba99b91ec3188cb03582bf4de3309cd06afe897ebce329c336e94801e0b0",
        ),
    ],
)
def test_sample_delete_of_a_manifest(name: str, digest: str) -> None:
    event = only(sample(name))

    assert isinstance(event, ManifestDeleted)
    assert (event.digest, event.takes_tags) == (digest, True)


@pytest.mark.parametrize(
    ("name", "tag"), [("distribution.delete_tag.constructed", "latest"), ("distribution3.captured_delete_tag", "1.0")]
)
def test_sample_delete_of_a_tag(name: str, tag: str) -> None:
    event = only(sample(name))

    assert isinstance(event, TagDeleted)
    assert event.tag == tag


def test_sample_delete_of_a_repository() -> None:
    event = only(sample("distribution.delete_repository.constructed"))

    assert isinstance(event, RepositoryDeleted)
    assert event.repository == "library/test"


@pytest.mark.parametrize(
    "name",
    [
        "distribution.mount_blob.constructed",
        "distribution3.captured_mount",
        "distribution3.captured_push_blob",
        "distribution.captured_pull_get_blob",
    ],
)
def test_sample_of_a_blob_is_ignored(name: str) -> None:
    assert sample(name).ignored == 1


@pytest.mark.parametrize(
    ("name", "kind", "tag"),
    [
        ("distribution.captured_push_index", ManifestPushed, "also_2.0-x"),
        ("distribution.captured_pull_head_index", ManifestPulled, "2.0"),
        ("distribution.captured_delete_digest", ManifestDeleted, None),
        ("distribution.captured_delete_tag_of_digest", TagDeleted, "1.0"),
        ("distribution3.captured_push_index", ManifestPushed, "2.0"),
        ("distribution3.captured_pull_get_index", ManifestPulled, "2.0"),
        ("distribution3.captured_pull_get_digest", ManifestPulled, ""),
    ],
)
def test_sample_of_skopeo_and_crane_at_work(name: str, kind: type[RegistryEvent], tag: str | None) -> None:
    """Captured from docker-registry 2.8 and Distribution 3.1 with references in their events."""
    event = only(sample(name))

    assert type(event) is kind
    assert getattr(event, "tag", None) == tag
    assert event.exact


@pytest.mark.parametrize("path", sorted(DATA.glob("*.json")), ids=lambda path: path.stem)
def test_no_sample_has_anything_to_reject(path: Path) -> None:
    assert deliver(path.read_bytes()).rejected == ()


@pytest.mark.parametrize(
    ("media_type", "url", "tag", "is_manifest"),
    [
        (MANIFEST, None, None, True),
        ("application/vnd.oci.image.index.v1+json", None, None, True),
        ("application/vnd.docker.distribution.manifest.list.v2+json", None, None, True),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", None, None, True),
        ("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8", None, None, True),
        ("application/vnd.oci.artifact.manifest.v1+json", None, None, True),
        ("Application/Vnd.Oci.Image.Manifest.V1+JSON", None, None, True),
        ("application/json", "manifests", None, True),
        ("application/vnd.example.custom.v1+json", "manifests", None, True),
        ("application/octet-stream", "manifests", None, True),
        ("application/vnd.example.custom.v1+json", None, "1.0", True),
        ("", None, "1.0", True),
        (None, None, "1.0", True),
        (MANIFEST, "blobs", "1.0", False),
        ("application/octet-stream", None, None, False),
        ("application/octet-stream", "blobs", None, False),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", None, None, False),
        ("application/vnd.docker.container.image.v1+json", None, None, False),
        ("application/vnd.docker.container.image.rootfs.diff+x-gtar", None, None, False),
        ("application/vnd.oci.image.config.v1+json", None, None, False),
        ("application/vnd.oci.image.layer.v1.tar+zstd", None, None, False),
        ("application/vnd.oci.empty.v1+json", None, None, False),
        ("application/vnd.cncf.helm.config.v1+json", None, None, False),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", None, None, False),
        ("", None, None, False),
    ],
)
def test_manifests_are_told_from_blobs(
    media_type: str | None, url: str | None, tag: str | None, is_manifest: bool
) -> None:
    full = f"https://h/prefix/v2/manifests/blobs/{url}/{DIGEST}?ns=x" if url else None
    for action in ("push", "pull"):
        decoded = decode(item(action, target={"mediaType": media_type, "url": full, "tag": tag}))

        assert (len(decoded.events), decoded.ignored) == ((1, 0) if is_manifest else (0, 1))


def test_a_manifest_without_anything_but_references_is_a_manifest() -> None:
    reference = {"mediaType": "application/octet-stream", "digest": OTHER, "size": 3, "platform": None}

    assert only(decode(item(target={"mediaType": "", "url": "", "tag": "", "references": [reference]})))


def test_delete_of_a_blob_is_ignored() -> None:
    gone = {"tag": None, "url": f"https://h/v2/team/app/blobs/{DIGEST}"}

    assert decode(item("delete", target=gone)).ignored == 1
    assert decode(item("delete", target={**gone, "url": "", "mediaType": "application/octet-stream"})).ignored == 1


def test_delete_that_names_tag_and_digest_takes_the_tag_only() -> None:
    assert isinstance(only(decode(item("delete"))), TagDeleted)


@pytest.mark.parametrize(
    ("addr", "address"),
    [
        ("192.0.2.10:42961", "192.0.2.10"),
        ("192.0.2.10", "192.0.2.10"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("203.0.113.7, 10.0.0.1, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7:1234,10.0.0.1", "203.0.113.7"),
        ("client.local", "client.local"),
        ("client.local:port", "client.local"),
        ("@", "@"),
        ("", ""),
        (None, ""),
    ],
)
def test_address_of_a_client_has_no_port(addr: str | None, address: str) -> None:
    event = only(decode(item("pull", request={"addr": addr, "method": "GET"})))

    assert isinstance(event, ManifestPulled)
    assert event.address == address


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-11-24T00:23:10Z", "2026-11-24T00:23:10+00:00"),
        ("2026-11-24T00:23:10.6Z", "2026-11-24T00:23:10.600000+00:00"),
        ("2026-11-24T00:23:10.602846697Z", "2026-11-24T00:23:10.602846+00:00"),
        ("2026-11-24t00:23:10.602846697z", "2026-11-24T00:23:10.602846+00:00"),
        ("2026-11-23T16:23:10.602846697-08:00", "2026-11-24T00:23:10.602846+00:00"),
        ("2026-11-24T05:53:10.602846697+05:30", "2026-11-24T00:23:10.602846+00:00"),
        ("2026-11-24T00:23:10.602846697+00:00", "2026-11-24T00:23:10.602846+00:00"),
        ("2026-11-28T12:00:00Z", "2026-11-28T12:00:00+00:00"),
    ],
)
def test_times_of_every_form_are_read(timestamp: str, expected: str) -> None:
    event = only(decode(item(timestamp=timestamp)))

    assert (event.at.isoformat(), event.exact) == (expected, True)
    assert event.at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "timestamp",
    [
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:00",
        "2026-11-29T12:00:01Z",
        "1999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "2026-02-30T00:00:00Z",
        "2026-11-24T00:23:60Z",
        "2026-11-23T24:00:00.5Z",
        "2026-11-24T00:23:10" + "0" * 100 + "Z",
        "yesterday",
        1764000000,
        {},
        ["2026"],
    ],
)
def test_a_time_that_cannot_be_is_no_time(timestamp: Any) -> None:
    event = only(decode(item(timestamp=timestamp)))

    assert (event.told_at, event.at, event.exact) == (None, RECEIVED_AT, False)
    assert event.key == only(decode(item())).key


@pytest.mark.parametrize(
    ("ahead", "exact"), [(timedelta(seconds=2), True), (timedelta(seconds=2.001), False), (timedelta(hours=23), False)]
)
def test_nothing_happens_after_its_receipt(ahead: timedelta, exact: bool) -> None:
    told_at = RECEIVED_AT + ahead

    event = only(decode(item(timestamp=told_at.isoformat())))

    assert (event.told_at, event.at, event.exact) == (told_at, RECEIVED_AT, exact)
    assert event.key == only(decode(item())).key


def test_nanoseconds_are_kept_beside_the_time() -> None:
    texts = ("10.1Z", "10.123456Z", "10.1234567Z", "10.12345678+00:00", "10.123456789Z", "10,123456001Z")
    events = [only(decode(item(timestamp=f"2026-11-24T00:23:{text}"))) for text in texts]

    assert [event.told_nanos for event in events] == [0, 0, 700, 780, 789, 1]


def test_a_delivery_keeps_the_order_of_its_sender() -> None:
    first, second = decode(item(id="a"), item(id="b"), id=7).events
    later = only(decode(item(id="c"), id=8))

    assert first.position < second.position < later.position
    assert delivery_of(first.position) == delivery_of(second.position) == 7


@pytest.mark.parametrize("timestamp", [None, ""])
def test_without_a_time_receipt_counts_and_nothing_is_exact(timestamp: str | None) -> None:
    untimed = item(timestamp=timestamp, id=None)
    first, second = decode(untimed, untimed).events

    assert (first.at, first.exact) == (RECEIVED_AT, False)
    assert first.key != second.key
    assert decode(untimed, untimed).events == [first, second]
    assert decode(untimed, untimed, id=8).events[0].key != first.key
    named = item(timestamp=timestamp)
    assert only(decode(named, id=7)).key == only(decode(named, id=8)).key


def test_everything_optional_may_be_missing_null_or_of_another_kind() -> None:
    nothings: list[Any] = [None, {}, [], "", 3]
    for nothing in nothings:
        bare = item("pull", actor=nothing, request=nothing, source=nothing)
        bare |= {} if nothing is not None else {"actor": None, "request": None, "source": None}
        event = only(decode(bare))

        assert isinstance(event, ManifestPulled)
        assert (event.actor, event.address, event.user_agent, event.is_head) == ("", "", "", False)


def test_unknown_keys_are_passed_over() -> None:
    extra = {
        "annotations": {"a": None},
        "platform": {"os": "linux"},
        "fromRepository": "",
        "artifactType": "x",
        "data": "",
    }

    assert only(decode(item(target=extra, extension={"deep": [1]}, traceparent="00-x")))


def test_tag_that_is_the_digest_is_no_tag() -> None:
    event = only(decode(item(target={"tag": DIGEST})))

    assert isinstance(event, ManifestPushed)
    assert event.tag == ""


def test_unknown_actions_and_mounts_are_ignored() -> None:
    for action in ("mount", "replicate", "", 5, None, ["push"]):
        assert decode(item(action)).ignored == 1


@pytest.mark.parametrize("body", [b'{"events":[]}', b'{"events":null}', b'\xef\xbb\xbf{"events":[]}'])
def test_an_empty_envelope_says_nothing(body: bytes) -> None:
    assert deliver(body) == Decoded([])


@pytest.mark.parametrize(
    "target",
    [
        {"repository": name}
        for name in (
            "",
            None,
            5,
            "../../etc",
            "a//b",
            "Team/app",
            "a" * 300,
            "%2e%2e",
            "a/b:c@d",
            "🐳",
            "a\u202eb",
            "a ",
            "a\0",
        )
    ]
    + [{"tag": 5}, {"tag": ["1.0"]}]
    + [{"tag": tag} for tag in ("a/b", ".x", "x" * 129, "a\0b", "a\n", "tag space", "md5:ab")]
    + [
        {"digest": digest}
        for digest in (
            "",
            None,
            5,
            "sha256:abc",
            "md5:" + "a" * 32,
            DIGEST.upper(),
            DIGEST + "\0",
            "sha256:" + "g" * 64,
        )
    ],
)
def test_a_bad_name_is_rejected_and_the_rest_recorded(target: dict[str, Any]) -> None:
    decoded = decode(item(), item(target=target), item())

    assert len(decoded.events) == 2
    assert [reason.partition(":")[0] for reason in decoded.rejected] == ["event 1"]


def test_control_characters_are_rejected() -> None:
    pull = {"addr": "192.0.2.1", "method": "GET", "useragent": "docker"}
    for changed in (
        item("pull", actor={"name": "a\0b"}),
        item("pull", request=pull | {"addr": "1\r\n2"}),
        item("push", target={"mediaType": "application/vnd.oci.image.manifest\n"}),
    ):
        decoded = decode(changed)

        assert (decoded.events, len(decoded.rejected)) == ([], 1)


def test_control_characters_of_a_clients_name_become_spaces_and_its_pull_counts() -> None:
    event = only(decode(item("pull", request={"useragent": "x\ty\x1b[31m\0"})))

    assert isinstance(event, ManifestPulled)
    assert event.user_agent == "x y [31m "


def test_reasons_hold_nothing_of_the_delivery() -> None:
    decoded = decode(item(target={"repository": "SECRET"}), item(actor={"name": "SECRET\0"}))

    assert len(decoded.rejected) == 2
    assert "SECRET" not in str(decoded.rejected)


def test_long_names_of_people_and_clients_are_cut() -> None:
    event = only(
        decode(item("pull", actor={"name": "a" * 5000}, request={"addr": "b" * 5000, "useragent": "c" * 5000}))
    )

    assert isinstance(event, ManifestPulled)
    assert (len(event.actor), len(event.address), len(event.user_agent)) == (200, 100, 300)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"3",
        b'"events"',
        b"{}",
        b'{"events":{}}',
        b'{"events":"push"}',
        b'{"events":[NaN]}',
        b'{"events":[1e999999]',
        b'{"events":["\\ud800"]}',
        b'{"events":["\xff"]}',
        b'{"events":[]} trailing',
        b'{"events":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        '{"events":[]}'.encode("utf-16"),
        orjson.dumps(item()),
        orjson.dumps([item()]),
    ],
    ids=lambda body: str(body[:24]),
)
def test_what_is_no_envelope_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        deliver(body)


@pytest.mark.parametrize(
    "odd", [None, 1, 10**18, "push", [], True, {}, {"action": "push"}, {"action": "push", "target": []}]
)
def test_an_odd_item_does_not_take_the_others_with_it(odd: Any) -> None:
    decoded = decode(item(), odd)

    assert len(decoded.events) == len(decoded.rejected) == 1


def test_odd_numbers_and_repeated_keys_are_read() -> None:
    body = orjson.dumps({"events": [item()]})
    for text, odd in ((b'"size":417', b'"size":' + b"9" * 30), (b'"size":417', b'"size":1,"size":-1.5e300')):
        assert only(deliver(body.replace(text, odd)))
    twice = body.replace(b'"tag":"1.0"', b'"tag":"1.0","tag":"2.0"')
    event = only(deliver(twice))
    assert isinstance(event, ManifestPushed)
    assert event.tag == "2.0"


def test_redelivered_event_has_the_same_key() -> None:
    assert only(decode(item(), id=1)).key == only(decode(item(), id=2)).key


def test_without_an_id_the_key_is_made_from_what_tells_events_apart() -> None:
    plain = item("pull", id="")
    keys = {
        only(decode(changed)).key
        for changed in (
            plain,
            item("push", id=""),
            item("pull", id="", target={"tag": "2"}),
            item("pull", id="", target={"digest": OTHER}),
            item("pull", id="", target={"repository": "other"}),
            item("pull", id="", timestamp="2026-11-24T00:23:11Z"),
            item("pull", id="", actor={"name": "bob"}),
            item("pull", id="", request=plain["request"] | {"method": "HEAD"}),
            item("pull", id="", request=plain["request"] | {"addr": "192.0.2.10:1"}),
        )
    }

    assert len(keys) == 9
    assert only(decode(plain, id=1)).key == only(decode(item("pull", id=None), id=2)).key
    assert all(isinstance(key, uuid.UUID) for key in keys)


def test_events_of_another_host_are_counted_and_kept() -> None:
    hosts = ("registry.example:5000",)

    assert decode(item(), item(), hosts=hosts).foreign_hosts == 0
    decoded = decode(item(), item(request={"host": "evil.example"}), item(request={"host": ""}), hosts=hosts)
    assert (len(decoded.events), decoded.foreign_hosts) == (3, 1)
    assert decode(item()).foreign_hosts == 0


def test_instance_is_the_first_that_is_named() -> None:
    assert decode(item(source=None), item(source={"instanceID": "b"}), item()).instance == "b"
    assert decode(item(source={"instanceID": "a\0"}), item(source=3)).instance == ""


def test_unknown_kind_of_registry_is_misconfigured_and_names_the_others() -> None:
    with pytest.raises(Misconfigured, match="distribution"):
        kind_of("unheard-of")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
PATHS = [("action",), ("id",), ("timestamp",), ("target",), ("request",), ("actor",), ("source",)] + [
    (part, key)
    for part, keys in {
        "target": ["mediaType", "digest", "repository", "url", "tag", "references"],
        "request": ["addr", "host", "method", "useragent"],
        "actor": ["name"],
        "source": ["instanceID"],
    }.items()
    for key in keys
]


@given(
    action=st.sampled_from(["push", "pull", "delete"]),
    changes=st.dictionaries(st.sampled_from(PATHS), values, max_size=4),
)
def test_any_value_anywhere_is_decoded_or_rejected(action: str, changes: dict[tuple[str, ...], Any]) -> None:
    changed = item(action)
    for path, value in changes.items():
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        if isinstance(inner, dict):
            inner[path[-1]] = value

    decoded = decode(changed, hosts=("registry.example:5000",))

    assert len(decoded.events) + decoded.ignored + len(decoded.rejected) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        deliver(body)
