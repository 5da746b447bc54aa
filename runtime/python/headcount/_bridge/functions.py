"""``Gauge.set_function``: functions that are called now and then, and at each collection.

A thread of Python calls them, since other processes show this one's value too. headcount has a
thread for functions in Rust, which is no use here: it would wait for the interpreter's lock, which
a fork holds while it waits for that thread.

A lock would be inherited by a child that is forked while another thread holds it. There is none:
the dictionary is replaced or copied as a whole.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from headcount import _native
from headcount._bridge import warn

#: Seconds between two calls.
INTERVAL = 5.0
#: Seconds before the first one.
SOON = 0.2

#: By the name of the family and the label values.
_functions: dict[tuple[str, tuple[str, ...]], tuple["_native.GaugeValue", Callable[[], Any]]] = {}
_thread: tuple[int, threading.Thread] | None = None


def add(
    name: str,
    values: tuple[str, ...],
    value: "_native.GaugeValue",
    function: Callable[[], Any],
) -> None:
    _functions[name, values] = (value, function)
    _start()


def forget(name: str, is_meant: Callable[[tuple[str, ...]], bool]) -> None:
    """Forgets the functions of series that are removed."""
    for key in list(_functions):
        if key[0] == name and is_meant(key[1]):
            _functions.pop(key, None)


def call_all(is_first: bool = False) -> None:
    """Takes the values of all functions of this process.

    What a function uses may be defined behind it, so the first failures are not reported.
    """
    for (name, values), (value, function) in list(_functions.items()):
        try:
            value.set(float(function()))
        except Exception as error:
            labels = f" of {values}" if values else ""
            if not is_first:
                warn.once(f"the function of {name}{labels} failed, so its value is old: {error!r}")
    if _functions:
        # Where the fork was not Python's own.
        _start()


def _start() -> None:
    global _thread
    if _thread is not None and _thread[0] == os.getpid() and _thread[1].is_alive():
        return
    stop = threading.Event()

    def run() -> None:
        stop.wait(SOON)
        call_all(is_first=True)
        while _functions:
            stop.wait(INTERVAL)
            call_all()

    thread = threading.Thread(target=run, name="headcount-functions", daemon=True)
    _thread = (os.getpid(), thread)
    thread.start()


def _after_fork() -> None:
    if _functions:
        _start()


os.register_at_fork(after_in_child=_after_fork)
