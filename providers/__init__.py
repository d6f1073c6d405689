"""Pulumi providers written in Python: the gRPC base that this project's providers share."""
