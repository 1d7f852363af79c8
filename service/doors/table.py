"""The doors: one table that their routes and their authorisation come from. Paths are whole."""

from service.caller import Scope
from service.doors import images, listing, messages
from service.operations import Operation

DOORS = (
    Operation(
        rpc="Doors.PingV1",
        http="GET /v1/_ping",
        run=listing.ping,
        request=messages.PingRequest,
        response=messages.Pong,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.SearchImages",
        http="GET /v1/search",
        run=images.search_images,
        request=messages.SearchImagesRequest,
        response=messages.SearchImagesResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.PingV2",
        http="GET /v2/",
        run=listing.ping,
        request=messages.PingRequest,
        response=messages.Pong,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.ListCatalog",
        http="GET /v2/_catalog",
        run=listing.list_catalog,
        request=messages.ListCatalogRequest,
        response=messages.ListCatalogResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.ListTags",
        http="GET /v2/{name}/tags/list",
        run=listing.list_image_tags,
        request=messages.ListImageTagsRequest,
        response=messages.ListImageTagsResponse,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.LocateManifest",
        http="GET /v2/{name}/manifests/{reference}",
        run=listing.locate_manifest,
        request=messages.LocateManifestRequest,
        response=messages.Location,
        scope=Scope.READ,
    ),
    Operation(
        rpc="Doors.LocateBlob",
        http="GET /v2/{name}/blobs/{digest}",
        run=listing.locate_blob,
        request=messages.LocateBlobRequest,
        response=messages.Location,
        scope=Scope.READ,
    ),
)
