"""Metrics that were made before the bridge was imported: they count in headcount from now on.

The bridge should come first. But a library may have been imported before it, and its metrics would
count for one process, or in files of their own.

What counters, summaries and histograms have in a file of ``prometheus_client``'s stays there:
collectors read it and add it up. The value of a gauge moves, and its file goes.
"""

import gc
import os
import sys
from typing import Any

from headcount._bridge import warn

#: Looked at before the bridge imports it itself.
_IS_EARLY = "prometheus_client.metrics" not in sys.modules


def install() -> None:
    if _IS_EARLY:
        return
    from headcount._bridge.metrics import Base

    found = [known for known in gc.get_objects() if Base in type(known).__mro__]
    left: set[str] = set()
    stays: set[str] = set()
    for metric in found:
        if "_headcount" not in metric.__dict__:
            file = _file(metric)
            (left if _adopt(metric, file is not None) else stays).add(file or "")
    for file in left - stays:
        if os.path.basename(file).startswith("gauge_"):
            try:
                os.unlink(file)
            except OSError as error:
                warn.once(f"{file} can't be removed, so its gauges count twice: {error}")


def _file(metric: Any) -> "str | None":
    """The file of ``prometheus_client``'s in which its value is."""
    value = getattr(metric, "_sum", None) or getattr(metric, "_value", None)
    return getattr(getattr(value, "_file", None), "_fname", None)


def _adopt(metric: Any, is_in_file: bool) -> bool:
    """Returns whether it counts in headcount now."""
    from headcount._bridge import metrics

    if type(metric)._type not in metrics._KINDS:
        return False
    is_shown = is_in_file and metric._type != "gauge"
    before = _counted(metric) if metric._is_observable() and not is_shown else None
    own = dict(metric.__dict__)
    try:
        if metric._type == "stateset":
            metric._headcount_mode = "livemax"
            metric._kwargs["multiprocess_mode"] = "livemax"
        metric._headcount = metrics._declare(metric)
        if metric._is_observable():
            metric._metric_init()
    except Exception as error:
        metric.__dict__.clear()
        metric.__dict__.update(own)
        warn.once(f"{metric} was made before headcount.bridge was imported, and stays: {error}")
        return False
    metrics.known.add(metrics.page_name(metric))
    if before:
        _go_on(metric, before)
    return True


def _counted(metric: Any) -> Any:
    """What it has counted before."""
    kind = metric._type
    if kind in ("counter", "gauge"):
        return metric._value.get()
    if kind in ("summary", "histogram"):
        return metric._sum.get()
    return metric._value


def _go_on(metric: Any, before: Any) -> None:
    kind = metric._type
    if kind == "counter":
        metric._value.inc(before)
    elif kind == "gauge":
        metric.set(before)
    elif kind == "info":
        metric.info(before)
    elif kind == "stateset":
        metric.state(metric._states[before])
    else:
        warn.once(
            f"{metric} was made before headcount.bridge was imported, and what it had observed is "
            "not counted"
        )
