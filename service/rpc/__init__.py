"""gRPC: the operations as protos/regdex/v1 has them."""
