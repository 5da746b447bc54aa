"""``prometheus_client.multiprocess``: a collector of directories, and a hook that nobody needs."""

import os
from collections.abc import Iterable
from typing import Any

import prometheus_client.multiprocess as theirs
from prometheus_client.metrics import Gauge
from prometheus_client.metrics_core import Metric

from headcount._bridge import environment, snapshots


class MultiProcessCollector:
    """Collects the families of all processes in a directory.

    It may be registered any number of times in any registry, also in ``REGISTRY``: no family is
    shown twice.
    """

    def __init__(self, registry: Any, path: str | None = None) -> None:
        if path is None:
            path = os.environ.get(environment.UPPER) or environment.chosen()
        if not path or not os.path.isdir(path):
            raise ValueError(f"env {environment.UPPER} is not set or not a directory")
        self._path = path
        if registry and not any(self._shows_the_same(known) for known in _collectors(registry)):
            registry.register(self)

    def _shows_the_same(self, other: object) -> bool:
        return type(other) is MultiProcessCollector and other._path == self._path

    def directory(self) -> str | None:
        """The directory, or ``None`` if this process counts there."""
        own = environment.chosen()
        is_own = own is not None and os.path.realpath(own) == os.path.realpath(self._path)
        return None if is_own else self._path

    def describe(self) -> list[Metric]:
        """What it shows is known only when it is collected, and clashes with nothing."""
        return []

    def collect(self) -> Iterable[Metric]:
        return snapshots.take(self.directory()).families()

    #: Merges files of ``prometheus_client``'s own.
    merge = staticmethod(theirs.MultiProcessCollector.merge)


def _collectors(registry: Any) -> list[Any]:
    return list(getattr(registry, "_collector_to_names", ()))


def mark_process_dead(pid: int | str, path: str | None = None) -> None:
    """Does nothing for headcount's files: the kernel says which process lives.

    What ``prometheus_client`` itself wrote before is removed as it would have done it.
    """
    text = str(pid)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"a process id has digits only, and is not {pid!r}")
    if path is None:
        path = environment.chosen()
    if path is None:
        return
    for mode in Gauge._MULTIPROC_MODES:
        if mode.startswith("live"):
            try:
                os.remove(os.path.join(path, f"gauge_{mode}_{text}.db"))
            except OSError:
                pass


def install() -> None:
    theirs.MultiProcessCollector = MultiProcessCollector
    theirs.mark_process_dead = mark_process_dead
