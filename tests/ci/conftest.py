"""The console and the experiment of the tests of both wings together."""

from tests.together.conftest import console, experiment

__all__ = ["console", "experiment"]
