"""The metrics of ``prometheus_client``: declared in headcount, counting in its series.

What is called for each event is a method of a native object, put into the metric under the same
name: the class's own method would cost four times as much. A class that overrides the method keeps
its own.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import prometheus_client.metrics as theirs
from prometheus_client.metrics import Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.metrics_core import Metric

from headcount import _native
from headcount._bridge import functions, snapshots, values, warn

Base = theirs.MetricWrapperBase

#: Series of a family in one process. Further ones are counted in one.
MAX_SERIES = 10_000

_original = {
    (cls, name): getattr(cls, name)
    for cls, names in {
        Base: ("__init__", "collect"),
        Gauge: ("set_function",),
        Histogram: ("observe",),
        Counter: ("inc",),
        Enum: ("__init__",),
    }.items()
    for name in names
}

#: The family of the parent whose child this thread is making.
_making = threading.local()

#: The names on the page of all metrics of this process.
known: set[str] = set()


def page_name(metric: Base) -> str:
    """The family's name on a page."""
    return metric._name + {"counter": "_total", "info": "_info"}.get(metric._type, "")


def _place() -> tuple[str, int]:
    """The caller's file and line, outside of this package and of ``prometheus_client``."""
    frame = sys._getframe(1)
    inside = (os.path.dirname(theirs.__file__), os.path.dirname(os.path.dirname(__file__)))
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _declare(metric: Base) -> "_native.Family | None":
    """Declares the family. An info's labels are known only when it is set."""
    extra: dict[str, Any] = {}
    if metric._type == "gauge":
        extra["mode"] = _mode(metric)
    elif metric._type == "histogram":
        extra["buckets"] = metric._upper_bounds[:-1]
    elif metric._type == "stateset":
        extra["mode"] = metric._headcount_mode
        extra["states"] = list(metric._states)
    elif metric._type not in ("counter", "summary"):
        return None
    file, line = _place()
    return _native.Family(
        metric._type,
        page_name(metric),
        str(metric._documentation),
        list(metric._labelnames),
        unit=metric._unit,
        max_series=MAX_SERIES,
        file=file,
        line=line,
        **extra,
    )


def _mode(gauge: Gauge) -> str:
    """How the values of processes are combined.

    Where a program labels its gauge with the process itself, each series is one process's already,
    and a second label of that name is not needed.
    """
    mode = gauge._multiprocess_mode
    if "pid" in gauge._labelnames:
        return {"all": "sum", "liveall": "livesum"}.get(mode, mode)
    return mode


def _init(
    self: Base,
    name: str,
    documentation: str,
    labelnames: Iterable[str] = (),
    namespace: str = "",
    subsystem: str = "",
    unit: str = "",
    registry: Any = theirs.REGISTRY,
    _labelvalues: Any = None,
) -> None:
    # Versions before 0.23 do not keep them, and children get none of them.
    self._original_name, self._namespace, self._subsystem = name, namespace, subsystem
    # The registry's refusal comes before anything is declared.
    self._metric_init = _nothing
    arguments = (self, name, documentation, labelnames, namespace, subsystem, unit)
    _original[Base, "__init__"](*arguments, registry, _labelvalues)
    del self._metric_init
    try:
        if type(self)._type in _KINDS:
            family = getattr(_making, "family", None) if _labelvalues else None
            self._headcount = family or _declare(self)
        if self._is_observable():
            self._metric_init()
    except BaseException:
        if registry and not self._labelvalues:
            registry.unregister(self)
        raise
    if not self._labelvalues and "_headcount" in self.__dict__:
        known.add(page_name(self))


def is_ours(collector: object) -> bool:
    """Whether it is a metric that counts in headcount."""
    # Not by `isinstance`: the class is a protocol, and asking takes microseconds.
    return Base in type(collector).__mro__ and "_headcount" in collector.__dict__


def _nothing() -> None:
    """In place of ``_metric_init`` until the registry has accepted the metric."""


def _put(metric: Base, cls: type, **methods: Callable[..., Any]) -> None:
    """Puts native methods in place of those that no other class has overridden."""
    for name, method in methods.items():
        if getattr(type(metric), name) is getattr(cls, name):
            setattr(metric, name, method)


def _init_counter(self: Counter) -> None:
    value = self._headcount.series(list(self._labelvalues))
    self._value = values.CounterValue(value)
    _put(self, Counter, inc=value.inc)


def _init_gauge(self: Gauge) -> None:
    value = self._headcount.series(list(self._labelvalues))
    self._value = value
    # Values that were set last are not added to: prometheus_client's own methods say so.
    if self._multiprocess_mode not in ("mostrecent", "livemostrecent"):
        _put(self, Gauge, inc=value.inc, dec=value.dec)
    _put(self, Gauge, set=value.set)


def _init_summary(self: Summary) -> None:
    value = self._headcount.series(list(self._labelvalues))
    self._count, self._sum = values.CountOf(value), values.SumOf(value)
    _put(self, Summary, observe=value.observe)


def _init_histogram(self: Histogram) -> None:
    value = self._headcount.series(list(self._labelvalues))
    self._sum = values.SumOf(value)
    self._buckets = [values.BucketOf(value, index) for index in range(len(self._upper_bounds))]
    _put(self, Histogram, observe=value.observe)


def _init_info(self: Info) -> None:
    self._labelname_set = set(self._labelnames)
    self._value: dict[str, str] = {}


def _set_info(self: Info, val: dict[str, str]) -> None:
    self._raise_if_not_observable()
    if self._labelname_set.intersection(val):
        raise ValueError(
            f"Overlapping labels for Info metric, metric: {self._labelnames} child: {val}"
        )
    if any(value is None for value in val.values()):
        raise ValueError("Label value cannot be None")
    own = dict(zip(self._labelnames, self._labelvalues))
    new = {name: str(value) for name, value in val.items()}
    file, line = _place()
    family = _native.Family(
        "info",
        page_name(self),
        str(self._documentation),
        [*own, *new],
        max_series=MAX_SERIES,
        file=file,
        line=line,
    )
    family.series([*own.values(), *new.values()])
    if self._value and self._value != new:
        _native.remove_matching(page_name(self), list({**own, **self._value}.items()))
    self._value = new


def _init_enum_class(
    self: Enum,
    name: str,
    documentation: str,
    labelnames: Iterable[str] = (),
    namespace: str = "",
    subsystem: str = "",
    unit: str = "",
    registry: Any = theirs.REGISTRY,
    _labelvalues: Any = None,
    states: Any = None,
    multiprocess_mode: str = "livemax",
) -> None:
    if name in labelnames:
        raise ValueError(f"Overlapping labels for Enum metric: {name}")
    if not states:
        raise ValueError(f"No states provided for Enum metric: {name}")
    # They are declared in the middle of what follows.
    self._headcount_mode, self._states = multiprocess_mode, states
    arguments = (name, documentation, labelnames, namespace, subsystem, unit, registry)
    _original[Enum, "__init__"](self, *arguments, _labelvalues, states)
    self._kwargs["multiprocess_mode"] = multiprocess_mode


def _init_enum(self: Enum) -> None:
    self._value = self._headcount.series(list(self._labelvalues))
    self._value.set(self._states[0])


def _set_state(self: Enum, state: str) -> None:
    self._raise_if_not_observable()
    if not self._value.set(state):
        raise ValueError(f"{state!r} is not in list")


def _set_function(self: Gauge, f: Callable[[], float]) -> None:
    self._raise_if_not_observable()
    name, own = page_name(self), tuple(self._labelvalues)
    native = self._value
    if isinstance(native, values.Function):
        native = native.native
    else:
        # From now on the other methods do nothing.
        for method in ("inc", "dec", "set"):
            self.__dict__.pop(method, None)
    self._value = values.Function(native, f)
    functions.add(name, own, native, f)


def _labels(self: Base, *labelvalues: object, **labelkwargs: object) -> Base:
    if not self._labelnames:
        raise ValueError(f"No label names were set when constructing {self}")
    if self._labelvalues:
        given = dict(zip(self._labelnames, self._labelvalues))
        raise ValueError(
            f"{self} already has labels set ({given}); can not chain calls to .labels()"
        )
    if labelvalues and labelkwargs:
        raise ValueError("Can't pass both *args and **kwargs")
    if labelkwargs:
        if sorted(labelkwargs) != sorted(self._labelnames):
            raise ValueError("Incorrect label names")
        labelvalues = tuple(labelkwargs[name] for name in self._labelnames)
    elif len(labelvalues) != len(self._labelnames):
        raise ValueError("Incorrect label count")
    key = tuple(map(str, labelvalues))
    # Without a lock, which a child would inherit from another thread. Two threads may make the
    # object; both count in the same series.
    child = self._metrics.get(key)
    return child if child is not None else self._metrics.setdefault(key, _child(self, key))


def _child(parent: Base, key: tuple[str, ...]) -> Base:
    # A child that looks for its family takes twice the time.
    _making.family = parent.__dict__.get("_headcount")
    try:
        return parent.__class__(
            getattr(parent, "_original_name", parent._name),
            documentation=parent._documentation,
            labelnames=parent._labelnames,
            namespace=getattr(parent, "_namespace", ""),
            subsystem=getattr(parent, "_subsystem", ""),
            unit=parent._unit,
            _labelvalues=key,
            **parent._kwargs,
        )
    finally:
        _making.family = None


def _forget(parent: Base, given: dict[str, str]) -> None:
    """Removes the series that have these label values."""
    name = page_name(parent)
    wanted = [(parent._labelnames.index(label), value) for label, value in given.items()]

    def is_meant(key: tuple[str, ...]) -> bool:
        return all(key[at] == value for at, value in wanted)

    for key in list(parent._metrics):
        if is_meant(key):
            parent._metrics.pop(key, None)
    functions.forget(name, is_meant)
    _native.remove_matching(name, list(given.items()))


def _remove(self: Base, *labelvalues: Any) -> None:
    if not self._labelnames:
        raise ValueError(f"No label names were set when constructing {self}")
    if len(labelvalues) != len(self._labelnames):
        expected = len(self._labelnames)
        raise ValueError(f"Incorrect label count (expected {expected}, got {labelvalues})")
    _forget(self, dict(zip(self._labelnames, map(str, labelvalues))))


def _remove_by_labels(self: Base, labels: dict[str, str]) -> None:
    if not self._labelnames:
        raise ValueError(f"No label names were set when constructing {self}")
    if not isinstance(labels, dict):
        raise TypeError("labels must be a dict of {label_name: label_value}")
    unknown = [name for name in labels if name not in self._labelnames]
    if unknown:
        raise ValueError(f"Unknown label names: {unknown}; expected {self._labelnames}")
    if labels:
        _forget(self, {name: str(value) for name, value in labels.items()})


def _clear(self: Base) -> None:
    if self._labelnames:
        own = dict(zip(self._labelnames, self._labelvalues))
        _forget(self, own)


def _collect(self: Base) -> Iterable[Metric]:
    """The family as all processes have it."""
    if not is_ours(self):
        return _original[Base, "collect"](self)
    return snapshots.take().families({page_name(self)})


def _reset(self: Counter) -> None:
    warn.once(f"{page_name(self)} can't be reset: a sum over processes never falls")


_KINDS = ("counter", "gauge", "summary", "histogram", "info", "stateset")


def install() -> None:
    Base.__init__ = _init
    Base.labels = _labels
    Base.remove = _remove
    Base.remove_by_labels = _remove_by_labels
    Base.clear = _clear
    Base.collect = _collect
    Counter._metric_init = _init_counter
    Counter.reset = _reset
    Gauge._metric_init = _init_gauge
    Gauge.set_function = _set_function
    Summary._metric_init = _init_summary
    Histogram._metric_init = _init_histogram
    Info._metric_init = _init_info
    Info.info = _set_info
    Enum.__init__ = _init_enum_class
    Enum._metric_init = _init_enum
    Enum.state = _set_state
