"""Strict mocks for reviews and tests: a simulated Pulumi engine, and stacks that run on it."""
