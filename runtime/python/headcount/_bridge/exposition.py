"""``generate_latest``: pages as bytes from Rust.

Python's own text of a page takes ten times as long. It remains for collectors that are not
headcount's, whose text is put in front.
"""

import sys
from typing import Any

import prometheus_client
import prometheus_client.exposition as theirs
import prometheus_client.openmetrics.exposition as openmetrics
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import CollectorRegistry

from headcount._bridge.registry import View

_text = theirs.generate_latest
_openmetrics = openmetrics.generate_latest
_END = b"# EOF\n"


class _Metrics:
    """Metrics that are known already, as a registry."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _page(
    registry: CollectorRegistry, accept: str, original: Any, arguments: dict[str, Any]
) -> bytes:
    view = View(registry)
    shown: set[str] = set()
    pages = []
    for snapshot, names in view.snapshots():
        shown |= names
        # A page of all families needs no list of them.
        wanted = None if len(names) == len(snapshot.names()) else sorted(names)
        pages.append(snapshot.native.render(accept, wanted).removesuffix(_END))
    others = list(view.other_metrics(shown))
    if others:
        pages.insert(0, original(_Metrics(others), **arguments).removesuffix(_END))
    return b"".join(pages)


def _known(escaping: str) -> dict[str, Any]:
    """The arguments that this version of ``prometheus_client`` takes."""
    return {"escaping": escaping} if "escaping" in _text.__code__.co_varnames else {}


def generate_latest(
    registry: Any = prometheus_client.REGISTRY, escaping: str = "underscores"
) -> bytes:
    """Returns the page in the text format, of all processes."""
    if type(registry) is not CollectorRegistry:
        return _text(registry, **_known(escaping))
    accept = f"text/plain; version=1.0.0; escaping={escaping}"
    return _page(registry, accept, _text, _known(escaping))


def generate_openmetrics(
    registry: Any, escaping: str = "underscores", version: str = "1.0.0"
) -> bytes:
    """Returns the page in OpenMetrics, of all processes."""
    arguments = _known(escaping)
    if arguments and version != "1.0.0":
        arguments["version"] = version
    if type(registry) is not CollectorRegistry:
        return _openmetrics(registry, **arguments)
    accept = f"application/openmetrics-text; version=1.0.0; escaping={escaping}"
    return _page(registry, accept, _openmetrics, arguments) + _END


def install() -> None:
    generate_openmetrics.__name__ = "generate_latest"
    prometheus_client.generate_latest = theirs.generate_latest = generate_latest
    openmetrics.generate_latest = generate_openmetrics
    # Modules that were imported before took the original by its name.
    for module in list(sys.modules.values()):
        for original, new in ((_text, generate_latest), (_openmetrics, generate_openmetrics)):
            if getattr(module, "__dict__", {}).get("generate_latest") is original:
                module.generate_latest = new
