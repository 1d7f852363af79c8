"""Descriptors of the gRPC methods in protos/regdex/v1, from the generated code."""

from google.protobuf.descriptor import MethodDescriptor

from regdex.v1 import admin_pb2, catalog_pb2, history_pb2, search_pb2, statistics_pb2

PACKAGE = "regdex.v1"
_FILES = tuple(module.DESCRIPTOR for module in (catalog_pb2, history_pb2, search_pb2, statistics_pb2, admin_pb2))


def find_method(rpc: str) -> MethodDescriptor:
    """Return the descriptor of `Service.Method`. Raise LookupError when the protos do not define it."""
    service_name, _, name = rpc.partition(".")
    for file in _FILES:
        service = file.services_by_name.get(service_name)
        if service is not None and name in service.methods_by_name:
            found: MethodDescriptor = service.methods_by_name[name]
            return found
    raise LookupError(f"{rpc} is not in the contract")
