"""What all models share: the two kinds of message, the types of their fields, and reading a request.

A request is checked here and only here, for both transports. Enums are lower-case words without the prefix of the
proto; times are aware datetimes in UTC with microseconds; a field that is `optional` in the proto is None when absent.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from regdex.digest import MAX_PASTED, parse_pasted
from regdex.errors import InvalidArgument
from regdex.reference import check_registry, check_repository, check_tag
from regdex.times import parse_rfc3339


class Request(BaseModel):
    """What a caller sends; an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(BaseModel):
    """What is answered. Answers are built as plain dicts; these models document and test their shape."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# On a list in Annotated: its values come one by one over REST, as a comma may be part of one.
MAY_HAVE_COMMAS = object()

AnyRequest = TypeVar("AnyRequest", bound=Request)


def read_request(model: type[AnyRequest], fields: dict[str, Any]) -> AnyRequest:
    """Validate what either transport took apart. InvalidArgument names the fields, never what was in them."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidArgument("; ".join(dict.fromkeys(_explain(model, item) for item in error.errors()))) from None


def _explain(model: type[Request], item: Any) -> str:
    if item["type"] == "extra_forbidden":
        known = ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))
        return f"an unknown parameter was given; known are {known}" if known else "an unknown parameter was given"
    place = ".".join(str(part) for part in item["loc"][:1]) or "request"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def _read_time(value: Any) -> Any:
    """RFC 3339 text or an aware datetime, in UTC. Other types are left to pydantic."""
    if isinstance(value, str):
        return parse_rfc3339(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("must have an offset")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("is not a time that exists") from None
    return value


def _checked(check: Any, *, or_empty: bool = False) -> AfterValidator:
    def run(value: str) -> str:
        if value or not or_empty:
            check(value)
        return value

    return AfterValidator(run)


def _read_digest(value: str) -> str:
    return str(parse_pasted(value))


def _is_plain(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must have printable characters only")
    return value


Int32: TypeAlias = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Int64: TypeAlias = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Time: TypeAlias = Annotated[datetime, BeforeValidator(_read_time)]
# Text of a request without control characters; bound its length with Field(max_length=…) where 512 does not fit.
Text: TypeAlias = Annotated[str, Field(max_length=512), AfterValidator(_is_plain)]
RegistryName: TypeAlias = Annotated[str, _checked(check_registry)]
RegistryFilter: TypeAlias = Annotated[str, _checked(check_registry, or_empty=True)]
RepositoryName: TypeAlias = Annotated[str, _checked(check_repository)]
RepositoryFilter: TypeAlias = Annotated[str, _checked(check_repository, or_empty=True)]
TagName: TypeAlias = Annotated[str, _checked(check_tag)]
TagFilter: TypeAlias = Annotated[str, _checked(check_tag, or_empty=True)]
# In any form that tools print; `algorithm:encoded` afterwards.
DigestText: TypeAlias = Annotated[str, Field(max_length=MAX_PASTED), AfterValidator(_read_digest)]
DigestFilter: TypeAlias = Annotated[
    str, Field(max_length=MAX_PASTED), AfterValidator(lambda text: text and _read_digest(text))
]
# None: all. Empty: repositories without a slash.
ProjectFilter: TypeAlias = Annotated[str, Field(max_length=255), AfterValidator(_is_plain)]
PageSize: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
PageToken: TypeAlias = Annotated[str, Field(max_length=2048)]


class RepositoryRequest(Request):
    """The first fields of every request about one repository."""

    registry: RegistryName
    repository: RepositoryName
