"""Python warnings about what is not shared or not counted, each once in a process."""

import atexit
import os
import warnings

from headcount import _native

_said: set[str] = set()


def once(text: str, key: str | None = None) -> None:
    """Warns, unless the same was said before."""
    key = key or text
    if key not in _said:
        _said.add(key)
        warnings.warn(f"headcount: {text}", RuntimeWarning, stacklevel=3)


def about_health() -> None:
    """Warns of what this process does not share or has not counted."""
    health = _native.health()
    problem = health["problem"]
    # That no directory was named is said at the start.
    if problem is not None and health["directory"] is not None:
        once(f"what this process counts is not shared, or incomplete: {problem}")
    if health["dropped_series"]:
        once(
            f"{health['dropped_series']} series of this process have no space and are not counted",
            "dropped_series",
        )
    if health["dropped_operations"]:
        once(
            f"{health['dropped_operations']} operations of this process were not counted",
            "dropped_operations",
        )


def about_snapshot(snapshot: "_native.Snapshot") -> None:
    """Warns of what a collection left out."""
    for skipped in snapshot.skipped():
        once(f"left out of the page: {skipped}")
    about_health()


def _at_exit() -> None:
    if _native.health()["has_started"]:
        about_health()


# A worker that nobody scrapes says it when it ends. Whoever forks says it in each process.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_said.clear)
