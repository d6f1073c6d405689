"""Strict mocks: a stand-in for Pulumi's engine, and stacks that are run on it, for reviews and for tests."""
