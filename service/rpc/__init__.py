"""gRPC: the services that protos/regdex/v1 defines."""
