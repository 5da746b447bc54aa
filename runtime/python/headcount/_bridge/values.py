"""``values.ValueClass``: what ``prometheus_client``'s metrics keep their values in.

The metrics of ``prometheus_client`` itself get theirs from ``headcount._bridge.metrics``. The class
here is for others: for code that makes a value by the class, as ``prometheus_client`` itself did
before, and for code that looks at a metric's ``_value``, ``_sum`` or ``_buckets``.
"""

from collections.abc import Callable
from typing import Any

import prometheus_client.values as theirs

from headcount import _native


class Value:
    """What all values can do."""

    _multiprocess = True

    def inc(self, amount: float) -> None:
        """Does nothing: whoever counts here counts by another value."""

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Does nothing: a sum over processes is not set."""

    def get(self) -> float:
        return 0.0

    def set_exemplar(self, exemplar: Any) -> None:
        """Does nothing: an exemplar comes with its event."""

    def get_exemplar(self) -> None:
        return None


class CounterValue(Value):
    """A counter's value."""

    def __init__(self, native: "_native.CounterValue") -> None:
        self.inc = native.inc  # type: ignore[method-assign]
        self.get = native.get  # type: ignore[method-assign]


class SumOf(Value):
    """The sum of a histogram or a summary. What is added to it is observed."""

    def __init__(self, native: "_native.HistogramValue | _native.SummaryValue") -> None:
        self.inc = native.observe  # type: ignore[method-assign]
        self.get = native.sum  # type: ignore[method-assign]


class CountOf(Value):
    """The count of a summary, which grows with its sum."""

    def __init__(self, native: "_native.SummaryValue") -> None:
        self._native = native

    def get(self) -> float:
        return float(self._native.count())


class BucketOf(Value):
    """A bucket of a histogram, which grows with its sum."""

    def __init__(self, native: "_native.HistogramValue", index: int) -> None:
        self._native, self._index = native, index

    def get(self) -> float:
        return float(self._native.buckets()[self._index])


class Function(Value):
    """The value of a gauge that takes it from a function."""

    def __init__(self, native: "_native.GaugeValue", function: Callable[[], Any]) -> None:
        self.native, self._function = native, function

    def get(self) -> float:
        return float(self._function())


class _LateSum(Value):
    """The sum of a histogram whose buckets are not known yet: they follow, by rising bounds."""

    def __init__(self, declare: Callable[[list[float]], "_native.HistogramValue"]) -> None:
        self._declare = declare
        self.bounds: list[float] = []
        self.buckets: list[_LateBucket] = []

    def complete(self) -> None:
        native = self._declare(self.bounds)
        self.inc = native.observe  # type: ignore[method-assign]
        self.get = native.sum  # type: ignore[method-assign]
        for index, bucket in enumerate(self.buckets):
            bucket.bucket = BucketOf(native, index)


class _LateBucket(Value):
    bucket: Value | None = None

    def get(self) -> float:
        return self.bucket.get() if self.bucket is not None else 0.0


#: Histograms whose buckets are about to follow, by name and label values.
_incomplete: dict[tuple[str, tuple[str, ...]], _LateSum] = {}


class ValueClass:
    """Makes values, with the arguments of ``prometheus_client``'s own class."""

    _multiprocess = True

    def __new__(  # type: ignore[misc]
        cls,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Any,
        labelvalues: Any,
        help_text: str,
        multiprocess_mode: str = "",
        **kwargs: Any,
    ) -> Any:
        labelnames, labelvalues = list(labelnames), [str(value) for value in labelvalues]

        def series(kind: str, family: str, **extra: Any) -> Any:
            declared = _native.Family(kind, family, help_text, labelnames, **extra)
            return declared.series(labelvalues)

        if typ == "gauge":
            return series("gauge", metric_name, mode=multiprocess_mode or "all")
        if typ == "summary":
            native = series("summary", metric_name)
            return SumOf(native) if name.endswith("_sum") else CountOf(native)
        if typ != "histogram":
            return CounterValue(series("counter", name))
        if name.endswith("_bucket"):
            return _bucket(metric_name, tuple(labelvalues[:-1]), labelvalues[-1])

        def declare(bounds: list[float]) -> "_native.HistogramValue":
            return series("histogram", metric_name, buckets=bounds)

        late = _LateSum(declare)
        _incomplete[metric_name, tuple(labelvalues)] = late
        return late


def _bucket(name: str, labelvalues: tuple[str, ...], bound: str) -> Value:
    late = _incomplete.get((name, labelvalues))
    if late is None:
        raise ValueError(f"a bucket of {name} came before its sum")
    bucket = _LateBucket()
    late.buckets.append(bucket)
    if bound == "+Inf":
        _incomplete.pop((name, labelvalues), None)
        late.complete()
    else:
        late.bounds.append(float(bound))
    return bucket


def install() -> None:
    theirs.ValueClass = ValueClass
