"""Families: what a collector yields. Registries also take ``prometheus_client``'s."""

from typing import Any

from headcount.samples import Exemplar, Sample, Timestamp

METRIC_TYPES = (
    "counter",
    "gauge",
    "summary",
    "histogram",
    "gaugehistogram",
    "unknown",
    "info",
    "stateset",
)


class Metric:
    """A family and its samples, by the names of OpenMetrics: a counter's without ``_total``."""

    def __init__(self, name: str, documentation: str, typ: str, unit: str = "") -> None:
        if not name:
            raise ValueError("Invalid metric name: ")
        if unit and not name.endswith(f"_{unit}"):
            name += f"_{unit}"
        self.name = name
        self.documentation = documentation
        self.unit = unit
        self.type = "unknown" if typ == "untyped" else typ
        if self.type not in METRIC_TYPES:
            raise ValueError(f"Invalid metric type: {typ}")
        self.samples: list[Any] = []

    def add_sample(
        self,
        name: str,
        labels: dict[str, str],
        value: float,
        timestamp: Timestamp | float | None = None,
        exemplar: Exemplar | None = None,
        native_histogram: Any = None,
    ) -> None:
        """Adds a sample."""
        self.samples.append(Sample(name, labels, value, timestamp, exemplar, native_histogram))

    def _parts(self) -> tuple[Any, ...]:
        return (self.name, self.documentation, self.type, self.unit, self.samples)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Metric({}, {}, {}, {}, {})".format(*self._parts())


def restricted(metric: Any, names: set[str]) -> Any:
    """The family with only the samples of these names, or ``None`` if it has none."""
    samples = [sample for sample in metric.samples if sample.name in names]
    if not samples:
        return None
    result = Metric(metric.name, metric.documentation, metric.type)
    result.unit = metric.unit
    result.samples = samples
    return result



def __getattr__(name: str) -> Any:
    # The families stand on this module.
    from headcount import families

    return getattr(families, name)
