"""What ``prometheus_client.multiprocess`` has, for programs that call it: none of it is needed."""

import os
from typing import Any

from headcount._bridge import environment
from headcount.registry import Whole


class MultiProcessCollector(Whole):
    """Collects the families of all processes in a directory.

    ``REGISTRY`` shows them without it.
    """

    def __new__(cls, registry: Any, path: str | None = None) -> "Whole":  # type: ignore[misc]
        own = environment.chosen()
        path = path or own
        if own is not None and path == own:
            # It is there before anything was counted.
            os.makedirs(own, mode=0o700, exist_ok=True)
        if not path or not os.path.isdir(path):
            raise ValueError(f"env {environment.UPPER} is not set or not a directory")
        is_own = own is not None and os.path.realpath(own) == os.path.realpath(path)
        collector = Whole(None if is_own else path)
        if registry:
            registry.register(collector)
        return collector


def mark_process_dead(pid: int | str, path: str | None = None) -> None:
    """Does nothing: the kernel says which process lives."""
