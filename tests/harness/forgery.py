"""A document whose JWS `signatures` block rebuilds other bytes: the forgery of a digest by a hostile registry."""

import base64

import orjson

from regdex.digest import Digest

TRUE = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(Digest.of(b"{}")), "size": 2},
    "layers": [],
}


def forged(true: bytes = b"") -> tuple[bytes, bytes]:
    """(document, payload): the document says other things than the payload that its signatures rebuild.

    `true` is the payload, an honest manifest; its own bytes have to begin a document that can be continued.
    """
    payload = true or orjson.dumps(TRUE)
    head, tail = payload[:1], payload[1:]
    protected = orjson.dumps({"formatLength": len(head), "formatTail": _encoded(tail)})
    false = orjson.dumps({**TRUE, "annotations": {"org.opencontainers.image.title": "Forged"}})[1:-1]
    signature = orjson.dumps([{"protected": _encoded(protected)}])
    return head + false + b',"signatures":' + signature + b"}", payload


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
