"""Pages in OpenMetrics, where ``prometheus_client`` has them."""

from headcount._text import ALLOW_UTF8 as ALLOWUTF8
from headcount._text import DOTS, UNDERSCORES, VALUES, escape_name
from headcount.exposition import CONTENT_TYPE_OPENMETRICS as CONTENT_TYPE_LATEST
from headcount.exposition import generate_openmetrics as generate_latest

__all__ = (
    "ALLOWUTF8",
    "CONTENT_TYPE_LATEST",
    "DOTS",
    "UNDERSCORES",
    "VALUES",
    "escape_label_name",
    "escape_metric_name",
    "generate_latest",
)


def escape_metric_name(name: str, escaping: str = UNDERSCORES) -> str:
    """A metric's name that every reader takes."""
    return escape_name(name, escaping)


def escape_label_name(name: str, escaping: str = UNDERSCORES) -> str:
    """A label's name that every reader takes."""
    return escape_name(name, escaping, True)
