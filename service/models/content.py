"""protos/regdex/v1/content.proto: what an image is made of."""

from service.models.message import Int64, Message


class Platform(Message):
    """A platform an image runs on."""

    os: str
    architecture: str
    variant: str
    os_version: str


class Descriptor(Message):
    """A pointer to content; `platform` is None where the entry names none."""

    media_type: str
    digest: str
    size_bytes: Int64
    artifact_type: str
    platform: Platform | None
    annotations: dict[str, str]
    missing: bool


class Layer(Message):
    """One layer of an image, bottom first; `diff_id` and `chain_id` are empty where the config is not known."""

    media_type: str
    digest: str
    size_bytes: Int64
    diff_id: str
    chain_id: str
