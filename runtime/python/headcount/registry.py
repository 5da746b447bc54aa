"""Registries: views of the directory.

A registry shows the metrics that are registered in it, as all processes have them, and what other
collectors yield. ``REGISTRY`` also shows what this process does not know: metrics of other
processes, of Rust, and of the processes themselves. All families of a page come from one snapshot.
"""

import os
import sys
import threading
import weakref
from typing import Any, Callable, Iterable, Iterator, Protocol

from headcount import _native, metrics
from headcount._bridge import environment, functions, warn
from headcount.metrics_core import Metric, restricted
from headcount.samples import Exemplar, Sample

_package = os.path.dirname(os.path.abspath(__file__)) + os.sep

#: The names on the page of all metrics of this process.
_known: set[str] = set()
_all: "weakref.WeakSet[CollectorRegistry]" = weakref.WeakSet()

_ENDINGS = {
    "counter": ("_total", "_created"),
    "summary": ("_sum", "_count", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}


class Collector(Protocol):
    """What a registry can show beside metrics."""

    def collect(self) -> Iterable[Any]:
        """Returns families, as they are at the moment."""


class DuplicateTimeseries(ValueError):
    """Two collectors of a registry have the same name."""

    def __init__(self, duplicates: set[str]) -> None:
        super().__init__(f"Duplicated timeseries in CollectorRegistry: {duplicates}")
        self.duplicates = duplicates


class Whole:
    """Collects all families of a directory: of the one where this process counts, or another."""

    def __init__(self, directory: str | None = None) -> None:
        self.directory = directory

    def describe(self) -> list[Metric]:
        """What it shows is known only when it is collected, and clashes with nothing."""
        return []

    def collect(self) -> Iterable[Metric]:
        return _families(_take(self.directory), None)


class _TargetInfo:
    """Keeps the name of the family that describes the program."""

    def collect(self) -> Iterable[Metric]:
        return ()


class CollectorRegistry:
    """Metrics and other collectors, and what they show."""

    def __init__(
        self,
        auto_describe: bool = False,
        target_info: dict[str, str] | None = None,
        support_collectors_without_names: bool = False,
    ) -> None:
        self._collector_to_names: dict[Any, list[str]] = {}
        self._names_to_collectors: dict[str, Any] = {}
        self._auto_describe = auto_describe
        self._asks_nameless = support_collectors_without_names
        self._target_info: dict[str, str] | None = None
        self._shows_rest = False
        self._lock = threading.Lock()
        self.set_target_info(target_info)
        _all.add(self)

    def register(self, collector: Any) -> None:
        """Adds a collector, none of whose names may be there already."""
        names = self._names(collector)
        with self._lock:
            duplicates = set(self._names_to_collectors).intersection(names)
            if duplicates:
                raise DuplicateTimeseries(duplicates)
            self._names_to_collectors.update(dict.fromkeys(names, collector))
            self._collector_to_names[collector] = names

    def unregister(self, collector: Any) -> None:
        """Removes a collector."""
        with self._lock:
            for name in self._collector_to_names.pop(collector):
                self._names_to_collectors.pop(name, None)

    def _names(self, collector: Any) -> list[str]:
        describe = getattr(collector, "describe", None)
        if describe is None and self._auto_describe:
            describe = collector.collect
        if describe is None:
            return []
        names = []
        for metric in describe():
            names.append(metric.name)
            names += [metric.name + ending for ending in _ENDINGS.get(metric.type, ())]
        return names

    def collect(self) -> Iterator[Any]:
        """Yields the families of this registry, as all processes have them."""
        view = View(self)
        shown: set[str] = set()
        for snapshot, names in view.snapshots():
            shown |= names
            yield from _families(snapshot, names)
        yield from view.others(shown)

    def restricted_registry(self, names: Iterable[str]) -> "RestrictedRegistry":
        """Returns a registry of the samples that have these names."""
        return RestrictedRegistry(names, self)

    def set_target_info(self, labels: dict[str, str] | None) -> None:
        """Describes the program by labels of a family ``target_info``."""
        with self._lock:
            if labels:
                if not self._target_info and "target_info" in self._names_to_collectors:
                    raise ValueError("CollectorRegistry already contains a target_info metric")
                self._names_to_collectors["target_info"] = _TargetInfo()
            elif self._target_info:
                self._names_to_collectors.pop("target_info", None)
            self._target_info = labels

    def get_target_info(self) -> dict[str, str] | None:
        """Returns the labels that describe the program."""
        with self._lock:
            return self._target_info

    def get_sample_value(self, name: str, labels: dict[str, str] | None = None) -> float | None:
        """Returns the value of a sample, as all processes together have it, or ``None``."""
        for metric in self.collect():
            for sample in metric.samples:
                if sample.name == name and sample.labels == (labels or {}):
                    return sample.value  # type: ignore[no-any-return]
        return None


class RestrictedRegistry:
    """The samples of a registry that have some names."""

    def __init__(self, names: Iterable[str], registry: CollectorRegistry) -> None:
        self._name_set = set(names)
        self._registry = registry

    def collect(self) -> Iterator[Any]:
        """Yields families with these samples. Only collectors that may have one are asked."""
        view = View(self._registry, self._name_set)
        shown: set[str] = set()
        found: list[Any] = []
        for snapshot, names in view.snapshots():
            shown |= names
            found += _families(snapshot, names)
        for metric in [*found, *view.others(shown)]:
            if (rest := restricted(metric, self._name_set)) is not None:
                yield rest


class View:
    """What a registry shows: families of snapshots, and metrics of other collectors."""

    def __init__(self, registry: CollectorRegistry, wanted: set[str] | None = None) -> None:
        with registry._lock:
            collectors = dict(registry._collector_to_names)
            target = registry._target_info
        self._target = target if wanted is None or "target_info" in wanted else None
        self._shows_rest = registry._shows_rest
        self._own: set[str] = set()
        self._whole: list[Whole] = []
        self._others: list[Any] = []
        for collector, names in collectors.items():
            if isinstance(collector, _native.MetricWrapperBase):
                self._own.add(collector._page_name)
            elif type(collector) is Whole:
                self._whole.append(collector)
            elif wanted is None or (wanted & set(names) if names else registry._asks_nameless):
                self._others.append(collector)

    def snapshots(self) -> Iterator[tuple["_native.Snapshot", set[str]]]:
        """Snapshots, with the names of the families to be shown of each."""
        shown: set[str] = set()
        is_whole = any(known.directory is None for known in self._whole)
        if is_whole or self._shows_rest or self._own:
            snapshot = _take()
            names = set(snapshot.names())
            if not is_whole:
                names = {
                    name
                    for name in names
                    if name in self._own or (self._shows_rest and name not in _known)
                }
            shown |= names
            yield snapshot, names
        for path in dict.fromkeys(known.directory for known in self._whole if known.directory):
            snapshot = _take(path)
            names = set(snapshot.names()) - shown
            shown |= names
            yield snapshot, names

    def others(self, shown: set[str]) -> Iterator[Any]:
        """The metrics of other collectors, which must not have the names of families."""
        if self._target:
            metric = Metric("target", "Target metadata", "info")
            metric.add_sample("target_info", self._target, 1)
            yield metric
        for collector in self._others:
            for metric in collector.collect():
                ending = {"counter": "_total", "info": "_info"}.get(metric.type, "")
                if metric.name + ending in shown:
                    warn.once(f"{metric.name} of {collector!r} is also a metric, which is shown")
                else:
                    yield metric


def _take(directory: str | None = None) -> "_native.Snapshot":
    functions.call_all()
    snapshot = _native.collect(directory)
    warn.about_snapshot(snapshot)
    return snapshot


def _families(snapshot: "_native.Snapshot", names: set[str] | None) -> list[Metric]:
    return snapshot.families(Metric, Sample, names, metrics._use_created, Exemplar)


# What follows is for Rust.


def place() -> tuple[str, int]:
    """The caller's file and line, outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_package):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def declared(name: str) -> None:
    """A metric of this process has this name on the page."""
    _known.add(name)


def is_alone() -> bool:
    """Whether this process counts for itself, as no directory is named."""
    return environment.chosen() is None and _native.health()["directory"] is None


def families_of(name: str) -> list[Metric]:
    return _families(_take(), {name})


def add_function(
    name: str, values: tuple[str, ...], value: "_native.GaugeValue", function: Callable[[], Any]
) -> None:
    functions.add(name, tuple(values), value, function)


def forget(name: str, labels: list[str], given: list[tuple[str, str]]) -> None:
    """Forgets the functions of series that are removed."""
    wanted = [(labels.index(label), value) for label, value in given]
    functions.forget(name, lambda values: all(values[at] == value for at, value in wanted))


def cannot_reset(name: str) -> None:
    warn.once(f"{name} can't be reset: a sum over processes never falls")


def _after_fork() -> None:
    """Another thread of the parent may have held a lock, and there is no such thread here."""
    for registry in list(_all):
        registry._lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

REGISTRY = CollectorRegistry(auto_describe=True)
REGISTRY._shows_rest = True
