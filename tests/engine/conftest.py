"""Fixtures of the engine's tests (see `conftest_engine`)."""

from conftest_engine import evaluate

__all__ = ["evaluate"]
