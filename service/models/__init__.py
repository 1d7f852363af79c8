"""The messages of protos/regdex/v1 as pydantic models, one module a proto; a test keeps them equal to the protos."""
