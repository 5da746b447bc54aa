"""The Rust half: recording, declaring and collecting."""

import os
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypedDict, TypeVar

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
        exemplar: Callable[..., Any] | None = None,
    ) -> list[Any]:
        """Families as objects of these classes, with the arguments of ``prometheus_client``'s."""

def collect(directory: str | os.PathLike[str] | None = None) -> Snapshot:
    """Reads the directory in which this process counts, or another one.

    Raises ``OSError`` if it can't be read. Bad files in it are left out: ``skipped``.
    """

# The classes of prometheus_client's API.

_F = TypeVar("_F", bound=Callable[..., Any])

_Mode = Literal[
    "all",
    "liveall",
    "min",
    "livemin",
    "max",
    "livemax",
    "sum",
    "livesum",
    "mostrecent",
    "livemostrecent",
]

class _Registry(Protocol):
    def register(self, collector: Any) -> None: ...
    def unregister(self, collector: Any) -> None: ...

class _Get(Protocol):
    def get(self) -> float: ...

class Timer:
    """Measures the time between its beginning and its end."""

    @property
    def duration(self) -> float | None:
        """The seconds that the block took, once it has ended."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def labels(self, *labelvalues: object, **labelkwargs: object) -> None:
        """Says to which label values the duration belongs, also while it is being measured."""

    def __call__(self, function: _F) -> _F: ...

class ExceptionCounter:
    """Counts the exceptions that leave a block."""

    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...
    def __call__(self, function: _F) -> _F: ...

class InprogressTracker:
    """Adds one to a gauge for as long as a block runs."""

    def __enter__(self) -> None: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def __call__(self, function: _F) -> _F: ...

class MetricWrapperBase:
    """The class on which all kinds stand."""

    def labels(self, *labelvalues: object, **labelkwargs: object) -> Self:
        """Returns the metric with these label values. The same values yield the same object."""

    def remove(self, *labelvalues: object) -> None:
        """Removes the series with these label values from this process."""

    def remove_by_labels(self, labels: dict[str, str]) -> None:
        """Removes the series that have these values of some labels from this process."""

    def clear(self) -> None:
        """Removes all series from this process, if there are labels."""

    def describe(self) -> list[Any]:
        """Returns the family without samples, by which registries tell metrics apart."""

    def collect(self) -> list[Any]:
        """Returns the family as all processes have it."""

    @property
    def _page_name(self) -> str: ...
    @property
    def _name(self) -> str: ...

class Counter(MetricWrapperBase):
    """Counts events, or adds up quantities. It never falls."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        *,
        max_series: int = 10_000,
    ) -> None: ...
    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Adds an amount, which is not negative."""

    def reset(self) -> None:
        """Warns: a sum over processes never falls."""

    def count_exceptions(
        self, exception: type[BaseException] | tuple[type[BaseException], ...] = ...
    ) -> ExceptionCounter:
        """Counts the exceptions of a block, or of a function as its decorator."""

    @property
    def _value(self) -> CounterValue: ...

class Gauge(MetricWrapperBase):
    """Shows a value that rises and falls."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        multiprocess_mode: _Mode = "all",
        *,
        max_series: int = 10_000,
    ) -> None: ...
    def inc(self, amount: float = 1) -> None:
        """Adds an amount."""

    def dec(self, amount: float = 1) -> None:
        """Subtracts an amount."""

    def set(self, value: float) -> None:
        """Sets the value."""

    def set_to_current_time(self) -> None:
        """Sets the value to the seconds since 1970."""

    def set_function(self, f: Callable[[], float]) -> None:
        """Takes the value from a function. All other methods do nothing from now on."""

    def track_inprogress(self) -> InprogressTracker:
        """Shows how many times a block, or a function as its decorator, runs at the moment."""

    def time(self) -> Timer:
        """Sets the value to the duration of a block, or of a function as its decorator."""

    @property
    def _value(self) -> GaugeValue: ...

class Histogram(MetricWrapperBase):
    """Counts values in buckets, and adds them up."""

    DEFAULT_BUCKETS: Sequence[float]

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        buckets: Sequence[float | str] = ...,
        *,
        max_series: int = 10_000,
    ) -> None: ...
    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Observes an amount."""

    def time(self) -> Timer:
        """Observes the duration of a block, or of a function as its decorator, in seconds."""

    @property
    def _sum(self) -> _Get: ...
    @property
    def _buckets(self) -> list[_Get]: ...

class Summary(MetricWrapperBase):
    """Counts values and adds them up."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        *,
        max_series: int = 10_000,
    ) -> None: ...
    def observe(self, amount: float) -> None:
        """Observes an amount."""

    def time(self) -> Timer:
        """Observes the duration of a block, or of a function as its decorator, in seconds."""

    @property
    def _sum(self) -> _Get: ...
    @property
    def _count(self) -> _Get: ...

class Info(MetricWrapperBase):
    """Shows facts about the program as labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        *,
        max_series: int = 10_000,
    ) -> None: ...
    def info(self, val: dict[str, str]) -> None:
        """Shows these facts, in place of the ones before."""

class Enum(MetricWrapperBase):
    """Shows in which of several states a process is."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: "_Registry | None" = ...,
        _labelvalues: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        *,
        multiprocess_mode: _Mode = "livemax",
        max_series: int = 10_000,
    ) -> None: ...
    def state(self, state: str) -> None:
        """Enters a state."""
