"""What is ``prometheus_client``'s, where it is installed."""

import importlib
from typing import Any


def attribute(module: str, name: str) -> Any:
    """A name of a module of ``prometheus_client``."""
    try:
        found = importlib.import_module(f"prometheus_client.{module}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} is prometheus_client's, which is not installed: pip install prometheus-client"
        ) from error
    return getattr(found, name)
