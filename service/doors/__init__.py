"""What clients of registries ask: docker, podman, skopeo, crane. Use cases, and the table of the doors to them.

A door is an operation at a path that those clients have always asked, without a counterpart over gRPC.
"""
