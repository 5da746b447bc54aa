"""The Rust half: recording, declaring and collecting."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

class Health(TypedDict):
    """The state of this process's counting."""

    #: Whether other processes see what this one counts.
    is_shared: bool
    #: Whether anything was recorded since the program began or forked.
    has_started: bool
    #: The directory that was named.
    directory: str | None
    #: Why counting is private or incomplete.
    problem: str | None
    dropped_series: int
    dropped_operations: int

def health() -> Health:
    """Returns the state of this process's counting, which fails and reports nothing by itself."""

def init(directory: str | os.PathLike[str]) -> None:
    """Begins to count in a directory, in this process and its children.

    Raises ``OSError`` if it can't be used; counting works all the same, for this process alone.
    """

def exemplar_problem(labels: dict[str, str]) -> str | None:
    """Returns why these labels can't be an exemplar."""

def remove_matching(name: str, labels: Sequence[tuple[str, str]]) -> int:
    """Removes from this process the series of a family that have all these label values."""

class Family:
    """A declared family. Declaring an equal one again yields the same.

    Raises ``ValueError`` if the declaration breaks a rule or contradicts another one of its name.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        documentation: str,
        labelnames: Sequence[str] = ...,
        *,
        unit: str = "",
        mode: str = "all",
        buckets: Sequence[float] | None = None,
        states: Sequence[str] = ...,
        max_series: int = 10_000,
        file: str = "",
        line: int = 0,
    ) -> None: ...
    def series(self, values: Sequence[str]) -> Any:
        """Returns the handle of the series with these label values."""

    @property
    def name(self) -> str:
        """The name on the page."""

class CounterValue:
    """A counter's series."""

    def inc(self, amount: float = 1.0, exemplar: dict[str, str] | None = None) -> None: ...
    def get(self) -> float:
        """What this process has counted."""

class GaugeValue:
    """A gauge's series."""

    def inc(self, amount: float = 1.0) -> None: ...
    def dec(self, amount: float = 1.0) -> None: ...
    def set(self, value: float, timestamp: float | None = None) -> None:
        """Sets the value. The time is headcount's own."""

    def get(self) -> float:
        """This process's value, or 0 while it is unset."""

    def peek(self) -> float | None:
        """This process's value, or ``None`` while it is unset."""

class HistogramValue:
    """A histogram's series."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None: ...
    def count(self) -> int:
        """How many values this process has observed."""

    def sum(self) -> float:
        """The sum of what this process has observed."""

    def buckets(self) -> list[int]:
        """How many values this process has observed in each bucket, not cumulative."""

class SummaryValue:
    """A summary's series."""

    def observe(self, amount: float) -> None: ...
    def count(self) -> int:
        """How many values this process has observed."""

    def sum(self) -> float:
        """The sum of what this process has observed."""

class InfoValue:
    """An info's series, which is shown from the moment on in which it is asked for."""

class StateValue:
    """A state set's series."""

    def set(self, state: str) -> bool:
        """Enters a state. Returns whether there is such a state."""

class Snapshot:
    """The numbers of all processes at one moment."""

    def names(self) -> list[str]:
        """The names of all families, as they are on the page."""

    def skipped(self) -> list[str]:
        """What was left out, and why."""

    def render(self, accept: str, names: Sequence[str] | None) -> bytes:
        """The page for a client that sends this header ``Accept``, with only these families."""

    def families(
        self,
        metric: Callable[..., Any],
        sample: Callable[..., Any],
        names: Iterable[str] | None,
        created: bool,
    ) -> list[Any]:
        """Families as objects of these classes, with the arguments of ``prometheus_client``'s."""

def collect(directory: str | os.PathLike[str] | None = None) -> Snapshot:
    """Reads the directory in which this process counts, or another one.

    Raises ``OSError`` if it can't be read. Bad files in it are left out: ``skipped``.
    """
