"""The messages of protos/regdex/v1 as pydantic models, by noun; a test keeps them equal to the protos."""
