"""The table of doors, from which their routes and authorisation are made. Paths are complete."""

from service.caller import Scope
from service.doors import images, listing, messages
from service.models.message import Message, Request
from service.operations import Operation, Run


def _door(name: str, http: str, run: Run, request: type[Request], response: type[Message]) -> Operation:
    return Operation(rpc=f"Doors.{name}", http=http, run=run, request=request, response=response, scope=Scope.READ)


DOORS = (
    _door("PingV1", "GET /v1/_ping", listing.ping, messages.PingRequest, messages.Pong),
    _door(
        "SearchImages",
        "GET /v1/search",
        images.search_images,
        messages.SearchImagesRequest,
        messages.SearchImagesResponse,
    ),
    _door("PingV2", "GET /v2/", listing.ping, messages.PingRequest, messages.Pong),
    _door(
        "ListCatalog",
        "GET /v2/_catalog",
        listing.list_catalog,
        messages.ListCatalogRequest,
        messages.ListCatalogResponse,
    ),
    _door(
        "ListTags",
        "GET /v2/{name}/tags/list",
        listing.list_image_tags,
        messages.ListImageTagsRequest,
        messages.ListImageTagsResponse,
    ),
    _door(
        "LocateManifest",
        "GET /v2/{name}/manifests/{reference}",
        listing.locate_manifest,
        messages.LocateManifestRequest,
        messages.Location,
    ),
    _door(
        "LocateBlob",
        "GET /v2/{name}/blobs/{digest}",
        listing.locate_blob,
        messages.LocateBlobRequest,
        messages.Location,
    ),
)
