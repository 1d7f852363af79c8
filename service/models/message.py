"""Base classes of all models, the types of their fields, and the validation of requests.

Both transports validate requests here and nowhere else. Enum values are lower-case words without the prefix that they
have in the proto. Times are aware datetimes in UTC with microseconds. A field that is `optional` in the proto is None
when it is absent.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from regdex.digest import MAX_PASTED, parse_pasted
from regdex.errors import InvalidArgument
from regdex.reference import check_registry, check_repository, check_tag
from regdex.times import parse_rfc3339


class Request(BaseModel):
    """Base of request messages. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Message(BaseModel):
    """Base of response messages. Responses are built as plain dicts; these models document and test their shape."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# Marks a list, in Annotated, whose values may contain commas: over REST its key is repeated, once for each value.
MAY_HAVE_COMMAS = object()

AnyRequest = TypeVar("AnyRequest", bound=Request)


def read_request(model: type[AnyRequest], fields: dict[str, Any]) -> AnyRequest:
    """Validate the fields of a request. Raise InvalidArgument that names the invalid fields but not their values."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidArgument("; ".join(dict.fromkeys(_explain(model, item) for item in error.errors()))) from None


def _explain(model: type[Request], item: Any) -> str:
    if item["type"] == "extra_forbidden":
        known = ", ".join(sorted(field.alias or name for name, field in model.model_fields.items()))
        return f"unknown parameter; known parameters: {known}" if known else "unknown parameter; this request has none"
    place = ".".join(str(part) for part in item["loc"][:1]) or "request"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def _read_time(value: Any) -> Any:
    """Convert RFC 3339 text or an aware datetime to UTC. Return other types unchanged; pydantic rejects them."""
    if isinstance(value, str):
        return parse_rfc3339(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("must have a UTC offset")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("must be between the years 1 and 9999 in UTC") from None
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
        raise ValueError("must contain only printable characters")
    return value


Int32: TypeAlias = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Int64: TypeAlias = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Time: TypeAlias = Annotated[datetime, BeforeValidator(_read_time)]
# Text without control characters. Annotate it with another Field(max_length=…) where 512 characters do not fit.
Text: TypeAlias = Annotated[str, Field(max_length=512), AfterValidator(_is_plain)]
RegistryName: TypeAlias = Annotated[str, _checked(check_registry)]
RegistryFilter: TypeAlias = Annotated[str, _checked(check_registry, or_empty=True)]
RepositoryName: TypeAlias = Annotated[str, _checked(check_repository)]
RepositoryFilter: TypeAlias = Annotated[str, _checked(check_repository, or_empty=True)]
TagName: TypeAlias = Annotated[str, _checked(check_tag)]
TagFilter: TypeAlias = Annotated[str, _checked(check_tag, or_empty=True)]
# Accepts every form of a digest that tools print; the validated value is `algorithm:encoded`.
DigestText: TypeAlias = Annotated[str, Field(max_length=MAX_PASTED), AfterValidator(_read_digest)]
DigestFilter: TypeAlias = Annotated[
    str, Field(max_length=MAX_PASTED), AfterValidator(lambda text: text and _read_digest(text))
]
# None selects all projects; an empty string selects repositories without a slash in their name.
ProjectFilter: TypeAlias = Annotated[str, Field(max_length=255), AfterValidator(_is_plain)]
PageSize: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
PageToken: TypeAlias = Annotated[str, Field(max_length=2048)]


class RepositoryRequest(Request):
    """Base of requests about one repository."""

    registry: RegistryName
    repository: RepositoryName
