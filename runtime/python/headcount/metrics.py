"""The metrics: ``Counter``, ``Gauge``, ``Histogram``, ``Summary``, ``Info`` and ``Enum``.

They are Rust's. This module is where ``prometheus_client`` has them.
"""

import os

from headcount._native import (
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    MetricWrapperBase,
    Summary,
)

__all__ = (
    "Counter",
    "Enum",
    "Gauge",
    "Histogram",
    "Info",
    "MetricWrapperBase",
    "Summary",
    "disable_created_metrics",
    "enable_created_metrics",
)


def _get_use_created() -> bool:
    chosen = os.environ.get("PROMETHEUS_DISABLE_CREATED_SERIES", "")
    return chosen.lower() not in ("true", "1", "t")


#: Whether families as objects have samples ``_created``.
_use_created = _get_use_created()


def disable_created_metrics() -> None:
    """Leaves ``_created`` out of what registries collect."""
    global _use_created
    _use_created = False


def enable_created_metrics() -> None:
    """Adds ``_created`` to what registries collect, which is so from the beginning."""
    global _use_created
    _use_created = True
