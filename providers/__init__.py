"""Pulumi providers of this project, and the gRPC base that they share."""
