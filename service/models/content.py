"""Messages of protos/regdex/v1/content.proto: platforms, descriptors and layers of images."""

from service.models.message import Int64, Message


class Platform(Message):
    """A platform an image runs on."""

    os: str
    architecture: str
    variant: str
    os_version: str


class Descriptor(Message):
    """A reference to content. `platform` is null when the index entry does not name one."""

    media_type: str
    digest: str
    size_bytes: Int64
    artifact_type: str
    platform: Platform | None
    annotations: dict[str, str]
    missing: bool


class Layer(Message):
    """One layer of an image, bottom first. `diff_id` and `chain_id` are empty when the config is unknown."""

    media_type: str
    digest: str
    size_bytes: Int64
    diff_id: str
    chain_id: str
