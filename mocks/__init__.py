"""Strict mocks for reviews and tests: a stand-in for Pulumi's engine, and stacks that run on it."""
