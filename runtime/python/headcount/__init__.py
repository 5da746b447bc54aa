"""Prometheus metrics of programs that run as many processes.

``from headcount import Counter, Gauge, Histogram``: the classes of ``prometheus_client``, in Rust.
All processes of a program count in one directory, and every process shows the sums of all.

``import headcount.bridge`` as the first line of ``gunicorn.conf.py`` makes ``prometheus_client``
itself count there. The servers that have no such file are started by
``python -m headcount COMMAND``.
"""

import importlib
from typing import Any

from headcount._native import (
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    health,
)

#: What is imported when it is first used: the bridge needs none of it.
_LATER = {
    "exposition": (
        "CONTENT_TYPE_LATEST",
        "CONTENT_TYPE_PLAIN_0_0_4",
        "CONTENT_TYPE_PLAIN_1_0_0",
        "MetricsHandler",
        "delete_from_gateway",
        "generate_latest",
        "instance_ip_grouping_key",
        "make_asgi_app",
        "make_wsgi_app",
        "push_to_gateway",
        "pushadd_to_gateway",
        "start_http_server",
        "start_wsgi_server",
        "write_to_textfile",
    ),
    "metrics": ("disable_created_metrics", "enable_created_metrics"),
    "metrics_core": ("Metric",),
    "registry": ("REGISTRY", "CollectorRegistry"),
}
_MODULE_OF = {name: module for module, names in _LATER.items() for name in names}
_MODULES = ("core", "exposition", "metrics", "metrics_core", "multiprocess", "registry", "samples")

__all__ = (
    "CONTENT_TYPE_LATEST",
    "CONTENT_TYPE_PLAIN_0_0_4",
    "CONTENT_TYPE_PLAIN_1_0_0",
    "REGISTRY",
    "CollectorRegistry",
    "Counter",
    "Enum",
    "Gauge",
    "Histogram",
    "Info",
    "Metric",
    "MetricsHandler",
    "Summary",
    "disable_created_metrics",
    "enable_created_metrics",
    "generate_latest",
    "health",
    "make_asgi_app",
    "make_wsgi_app",
    "start_http_server",
    "start_wsgi_server",
    "write_to_textfile",
)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"headcount.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"headcount.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found
