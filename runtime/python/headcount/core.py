"""What ``prometheus_client.core`` has, for collectors of your own."""

from headcount.families import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
    SummaryMetricFamily,
    UnknownMetricFamily,
    UntypedMetricFamily,
)
from headcount.metrics import Counter, Enum, Gauge, Histogram, Info, Summary
from headcount.metrics_core import METRIC_TYPES, Metric
from headcount.registry import REGISTRY, CollectorRegistry, DuplicateTimeseries
from headcount.samples import Exemplar, Sample, Timestamp

__all__ = (
    "METRIC_TYPES",
    "REGISTRY",
    "CollectorRegistry",
    "Counter",
    "CounterMetricFamily",
    "DuplicateTimeseries",
    "Enum",
    "Exemplar",
    "Gauge",
    "GaugeHistogramMetricFamily",
    "GaugeMetricFamily",
    "Histogram",
    "HistogramMetricFamily",
    "Info",
    "InfoMetricFamily",
    "Metric",
    "Sample",
    "StateSetMetricFamily",
    "Summary",
    "SummaryMetricFamily",
    "Timestamp",
    "UnknownMetricFamily",
    "UntypedMetricFamily",
)
