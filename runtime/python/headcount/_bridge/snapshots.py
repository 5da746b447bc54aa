"""Snapshots of a directory, as ``prometheus_client``'s objects."""

from prometheus_client import metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample

from headcount import _native
from headcount._bridge import functions, warn


class Snapshot:
    """The numbers of all processes at one moment."""

    def __init__(self, native: "_native.Snapshot") -> None:
        self.native = native

    def names(self) -> list[str]:
        return self.native.names()

    def families(self, names: set[str] | None = None) -> list[Metric]:
        """The families with these names on the page, or all."""
        return self.native.families(Metric, Sample, names, metrics._use_created, Exemplar)


def take(directory: str | None = None) -> Snapshot:
    """Collects this process's directory, or another one."""
    functions.call_all()
    native = _native.collect(directory)
    warn.about_snapshot(native)
    return Snapshot(native)
