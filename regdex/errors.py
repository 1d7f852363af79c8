"""All errors that Regdex raises on purpose.

RegdexError
├── InvalidArgument    the request cannot be used
├── Unauthenticated    a signature, key or token did not verify
├── PermissionDenied   the caller is known but not allowed
├── NotFound           not in the catalog, or not visible to this caller
├── Expired            a page token or cursor from before the database was restored
├── Exhausted          a limit is exceeded; slow down or send less
├── Unavailable        a dependency cannot answer now; retry
├── Undecodable        a delivery that cannot be decoded; it becomes a dead letter
├── RegistryError      a registry did not answer, or its answer cannot be used
└── Misconfigured      the settings cannot be used as they are
"""

from typing import Self


class RegdexError(Exception):
    """The base class. `code` is the gRPC status name; REST sends it as `code` of the problem."""

    code = "INTERNAL"


class InvalidArgument(RegdexError):
    code = "INVALID_ARGUMENT"


class Unauthenticated(RegdexError):
    code = "UNAUTHENTICATED"


class PermissionDenied(RegdexError):
    code = "PERMISSION_DENIED"


class NotFound(RegdexError):
    code = "NOT_FOUND"


class Expired(RegdexError):
    code = "OUT_OF_RANGE"


class Exhausted(RegdexError):
    code = "RESOURCE_EXHAUSTED"


class Unavailable(RegdexError):
    """`retry_after_seconds` is sent as Retry-After (REST) and as trailing metadata `retry-after` (gRPC)."""

    code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Undecodable(RegdexError):
    """The message becomes the reason of the dead letter. It never contains content of the delivery."""


class RegistryError(RegdexError):
    """`problem` is a code listed in docs/operations.md. Example: `digest_mismatch`.

    `retry_after_seconds` is the wait that the registry, or Regdex's own breaker, requests; 0 if there is none.
    """

    def __init__(self, problem: str, message: str = "", *, retry_after_seconds: float = 0) -> None:
        super().__init__(f"{problem}: {message}" if message else problem)
        self.problem = problem
        self.message = message
        self.retry_after_seconds = retry_after_seconds

    def about(self, subject: str) -> Self:
        """Put what the failed request was about before the message; return the same error."""
        self.message = f"{subject}: {self.message}" if self.message else subject
        self.args = (f"{self.problem}: {self.message}",)
        return self


class Misconfigured(RegdexError):
    """Ends the process with exit code 78 (EX_CONFIG); the message names the key."""
