"""Families with samples of one type: what a collector of your own makes and yields."""

from typing import Any, Iterable, Mapping, Sequence

from headcount.metrics_core import Metric
from headcount.samples import Exemplar, Timestamp

_Moment = Timestamp | float | None


class _Family(Metric):
    """A family whose samples have the same labels. A value can be given at once or be added."""

    def __init__(
        self, name: str, documentation: str, typ: str, labels: Iterable[str] | None, unit: str = ""
    ) -> None:
        super().__init__(name, documentation, typ, unit)
        self._labelnames = tuple(labels or ())

    def _labels(self, values: Sequence[str]) -> dict[str, str]:
        return dict(zip(self._labelnames, values))


def _refuse_both(labels: object, *values: object) -> None:
    if labels is not None and any(value is not None for value in values):
        raise ValueError("Can only specify at most one of value and labels.")


class UnknownMetricFamily(_Family):
    """Values of which nothing is known."""

    _kind = "unknown"

    def __init__(
        self,
        name: str,
        documentation: str,
        value: float | None = None,
        labels: Iterable[str] | None = None,
        unit: str = "",
    ) -> None:
        _refuse_both(labels, value)
        super().__init__(name, documentation, self._kind, labels, unit)
        if value is not None:
            self.add_metric([], value)

    def add_metric(self, labels: Sequence[str], value: float, timestamp: _Moment = None) -> None:
        """Adds a series."""
        self.add_sample(self.name, self._labels(labels), value, timestamp)


UntypedMetricFamily = UnknownMetricFamily


class GaugeMetricFamily(UnknownMetricFamily):
    """Values that rise and fall."""

    _kind = "gauge"


class CounterMetricFamily(_Family):
    """Counts."""

    def __init__(
        self,
        name: str,
        documentation: str,
        value: float | None = None,
        labels: Iterable[str] | None = None,
        created: float | None = None,
        unit: str = "",
        exemplar: Exemplar | None = None,
    ) -> None:
        _refuse_both(labels, value)
        super().__init__(name.removesuffix("_total"), documentation, "counter", labels, unit)
        if value is not None:
            self.add_metric([], value, created, exemplar=exemplar)

    def add_metric(
        self,
        labels: Sequence[str],
        value: float,
        created: float | None = None,
        timestamp: _Moment = None,
        exemplar: Exemplar | None = None,
    ) -> None:
        """Adds a series."""
        known = self._labels(labels)
        self.add_sample(f"{self.name}_total", known, value, timestamp, exemplar)
        if created is not None:
            self.add_sample(f"{self.name}_created", known, created, timestamp)


class SummaryMetricFamily(_Family):
    """Counts and sums."""

    def __init__(
        self,
        name: str,
        documentation: str,
        count_value: float | None = None,
        sum_value: float | None = None,
        labels: Iterable[str] | None = None,
        unit: str = "",
    ) -> None:
        if (sum_value is None) != (count_value is None):
            raise ValueError("count_value and sum_value must be provided together.")
        _refuse_both(labels, count_value)
        super().__init__(name, documentation, "summary", labels, unit)
        if count_value is not None and sum_value is not None:
            self.add_metric([], count_value, sum_value)

    def add_metric(
        self,
        labels: Sequence[str],
        count_value: float,
        sum_value: float,
        timestamp: _Moment = None,
    ) -> None:
        """Adds a series."""
        known = self._labels(labels)
        self.add_sample(f"{self.name}_count", known, count_value, timestamp)
        self.add_sample(f"{self.name}_sum", known, sum_value, timestamp)


class _Bucketed(_Family):
    def _add_buckets(
        self, labels: Sequence[str], buckets: Sequence[Sequence[Any]], timestamp: _Moment
    ) -> None:
        for bound, value, *exemplar in buckets:
            known = {**self._labels(labels), "le": bound}
            self.add_sample(f"{self.name}_bucket", known, value, timestamp, *exemplar)


class HistogramMetricFamily(_Bucketed):
    """Cumulative counts by upper bound: ``[("1.0", 3), ("+Inf", 4)]``, perhaps with exemplars."""

    def __init__(
        self,
        name: str,
        documentation: str,
        buckets: Sequence[Sequence[Any]] | None = None,
        sum_value: float | None = None,
        labels: Iterable[str] | None = None,
        unit: str = "",
    ) -> None:
        if sum_value is not None and buckets is None:
            raise ValueError("sum value cannot be provided without buckets.")
        _refuse_both(labels, buckets)
        super().__init__(name, documentation, "histogram", labels, unit)
        if buckets is not None:
            self.add_metric([], buckets, sum_value)

    def add_metric(
        self,
        labels: Sequence[str],
        buckets: Sequence[Sequence[Any]],
        sum_value: float | None,
        timestamp: _Moment = None,
    ) -> None:
        """Adds a series. With bounds below zero, it has no sum."""
        last = buckets[-1][1]
        self._add_buckets(labels, buckets, timestamp)
        if float(buckets[0][0]) >= 0 and sum_value is not None:
            known = self._labels(labels)
            self.add_sample(f"{self.name}_count", known, last, timestamp)
            self.add_sample(f"{self.name}_sum", known, sum_value, timestamp)


class GaugeHistogramMetricFamily(_Bucketed):
    """Cumulative counts that rise and fall, by upper bound."""

    def __init__(
        self,
        name: str,
        documentation: str,
        buckets: Sequence[Sequence[Any]] | None = None,
        gsum_value: float | None = None,
        labels: Iterable[str] | None = None,
        unit: str = "",
    ) -> None:
        _refuse_both(labels, buckets)
        super().__init__(name, documentation, "gaugehistogram", labels, unit)
        if buckets is not None:
            self.add_metric([], buckets, gsum_value)

    def add_metric(
        self,
        labels: Sequence[str],
        buckets: Sequence[Sequence[Any]],
        gsum_value: float | None,
        timestamp: _Moment = None,
    ) -> None:
        """Adds a series."""
        self._add_buckets(labels, buckets, timestamp)
        known = self._labels(labels)
        self.add_sample(f"{self.name}_gcount", known, buckets[-1][1], timestamp)
        self.add_sample(f"{self.name}_gsum", known, gsum_value, timestamp)  # type: ignore[arg-type]


class InfoMetricFamily(_Family):
    """Facts as labels."""

    def __init__(
        self,
        name: str,
        documentation: str,
        value: Mapping[str, str] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        _refuse_both(labels, value)
        super().__init__(name, documentation, "info", labels)
        if value is not None:
            self.add_metric([], value)

    def add_metric(
        self, labels: Sequence[str], value: Mapping[str, str], timestamp: _Moment = None
    ) -> None:
        """Adds a series."""
        self.add_sample(f"{self.name}_info", {**self._labels(labels), **value}, 1, timestamp)


class StateSetMetricFamily(_Family):
    """Which of some states are true."""

    def __init__(
        self,
        name: str,
        documentation: str,
        value: Mapping[str, bool] | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        _refuse_both(labels, value)
        super().__init__(name, documentation, "stateset", labels)
        if value is not None:
            self.add_metric([], value)

    def add_metric(
        self, labels: Sequence[str], value: Mapping[str, bool], timestamp: _Moment = None
    ) -> None:
        """Adds a series for each state."""
        for state in sorted(value):
            known = {**self._labels(labels), self.name: state}
            self.add_sample(self.name, known, 1 if value[state] else 0, timestamp)
