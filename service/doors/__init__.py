"""Doors: operations for the clients of registries, such as docker, podman, skopeo and crane.

A door has a path of the registry APIs that these clients use, and no counterpart over gRPC.
"""
