"""Registries as views of the directory.

A registry shows the metrics that are registered in it, as all processes have them. ``REGISTRY``
also shows what this process does not know: metrics of other processes and of Rust. All metrics of a
page come from one snapshot.
"""

import functools
import os
import threading
import weakref
from collections.abc import Iterable
from typing import Any

import prometheus_client
import prometheus_client.registry as theirs
from prometheus_client.metrics_core import Metric

from headcount._bridge import metrics, snapshots, warn
from headcount._bridge.multiprocess import MultiProcessCollector

_all: "weakref.WeakSet[Any]" = weakref.WeakSet()
_original_init = theirs.CollectorRegistry.__init__


class Directory(MultiProcessCollector):
    """What ``REGISTRY`` shows beside its own metrics: all that no registry of this process has."""

    def __init__(self) -> None:
        """It takes the directory in which this process counts."""

    def directory(self) -> None:
        return None

    def collect(self) -> Iterable[Metric]:
        snapshot = snapshots.take()
        return snapshot.families(set(snapshot.names()) - metrics.known)


class View:
    """What a registry shows: families of snapshots, and metrics of other collectors."""

    def __init__(self, registry: theirs.CollectorRegistry) -> None:
        with registry._lock:
            collectors = list(registry._collector_to_names)
            has_target = bool(registry._target_info)
            self.target = registry._target_info_metric() if has_target else None
        self.others: list[Any] = []
        self._names: set[str] = set()
        self._shows_rest = False
        self._whole: list[MultiProcessCollector] = []
        for collector in collectors:
            if isinstance(collector, Directory):
                self._shows_rest = True
            elif type(collector) is MultiProcessCollector:
                self._whole.append(collector)
            elif metrics.is_ours(collector):
                self._names.add(metrics.page_name(collector))
            else:
                self.others.append(collector)

    def snapshots(self) -> Iterable[tuple[snapshots.Snapshot, set[str]]]:
        """Snapshots, with the names of the families to be shown of each."""
        shown: set[str] = set()
        elsewhere = [known for known in self._whole if known.directory() is not None]
        is_whole = len(elsewhere) < len(self._whole)
        if is_whole or self._shows_rest or self._names:
            snapshot = snapshots.take()
            names = set(snapshot.names())
            if not is_whole:
                rest = names - metrics.known if self._shows_rest else set()
                names = rest | (names & self._names)
            shown |= names
            yield snapshot, names
        for collector in elsewhere:
            snapshot = snapshots.take(collector.directory())
            names = set(snapshot.names()) - shown
            shown |= names
            yield snapshot, names

    def other_metrics(self, shown: set[str]) -> Iterable[Metric]:
        """The metrics of other collectors, which must not have the names of families."""
        if self.target is not None:
            yield self.target
        for collector in self.others:
            for metric in collector.collect():
                endings = {"counter": "_total", "info": "_info"}
                if metric.name + endings.get(metric.type, "") in shown:
                    warn.once(f"{metric.name} of {collector!r} is also a metric, which is shown")
                else:
                    yield metric


@functools.wraps(_original_init)
def _init(self: theirs.CollectorRegistry, *args: Any, **kwargs: Any) -> None:
    _original_init(self, *args, **kwargs)
    _all.add(self)


def _collect(self: theirs.CollectorRegistry) -> Iterable[Metric]:
    view = View(self)
    shown: set[str] = set()
    for snapshot, names in view.snapshots():
        shown |= names
        yield from snapshot.families(names)
    yield from view.other_metrics(shown)


def _restricted(self: theirs.RestrictedRegistry) -> Iterable[Metric]:
    """As the registry, but only collectors that may have one of the names are asked."""
    registry, wanted = self._registry, self._name_set
    view = View(registry)
    with registry._lock:
        known = registry._names_to_collectors
        named = {id(known[name]) for name in wanted if name in known}
        # Versions before 0.23 have no such collectors.
        nameless = getattr(registry, "_collectors_without_names", ())
        named |= {id(collector) for collector in nameless}
    view.others = [collector for collector in view.others if id(collector) in named]
    shown: set[str] = set()
    found: list[Metric] = []
    for snapshot, names in view.snapshots():
        shown |= names
        found += snapshot.families(names)
    for metric in [*found, *view.other_metrics(shown)]:
        if (restricted := metric._restricted_metric(wanted)) is not None:
            yield restricted


def _after_fork() -> None:
    """Another thread of the parent may have held a lock, and there is no such thread here."""
    for registry in list(_all):
        registry._lock = threading.Lock()


def install() -> None:
    registry = prometheus_client.REGISTRY
    theirs.CollectorRegistry.__init__ = _init
    theirs.CollectorRegistry.collect = _collect
    theirs.RestrictedRegistry.collect = _restricted
    _all.add(registry)
    # headcount has the process metrics of all processes. What the collector of garbage did in the
    # one process that answers says nothing about the others.
    for collector in (prometheus_client.PROCESS_COLLECTOR, prometheus_client.GC_COLLECTOR):
        if collector in registry._collector_to_names:
            registry.unregister(collector)
    registry.register(Directory())
    os.register_at_fork(after_in_child=_after_fork)
