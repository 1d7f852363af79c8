"""Decoders by kind of registry; to add one, write its file and name it here."""

from indexer.kinds.distribution import DistributionDecoder
from indexer.kinds.kind import Decoder, Delivery
from regdex.errors import Undecodable

__all__ = ["Decoder", "Delivery", "decoder_for"]

_DECODERS: dict[str, Decoder] = {decoder.kind: decoder for decoder in (DistributionDecoder(),)}


def decoder_for(kind: str) -> Decoder:
    """The decoder of that kind; Undecodable where this release has none."""
    try:
        return _DECODERS[kind]
    except KeyError:
        raise Undecodable("this release has no decoder for this kind of registry") from None
