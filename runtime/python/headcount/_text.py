"""The text of metrics that are not headcount's: of collectors of the program.

Pages of headcount's own metrics come from Rust, as bytes.
"""

import math
import re
from typing import Any, Iterable

UNDERSCORES, ALLOW_UTF8, DOTS, VALUES = "underscores", "allow-utf-8", "dots", "values"

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
#: As the text format calls the types of OpenMetrics. A gauge histogram is shown as a histogram.
_PLAIN_TYPES = {
    "info": "gauge",
    "stateset": "gauge",
    "gaugehistogram": "histogram",
    "unknown": "untyped",
}
#: Samples that are families of their own in the text format.
_APART = ("_created", "_gcount", "_gsum")


def escape_name(name: str, scheme: str, is_label: bool = False) -> str:
    """A name that every reader takes, by one of Prometheus' schemes."""
    is_legal = (_LABEL if is_label else _METRIC).match(name) is not None
    if not name or scheme == ALLOW_UTF8 or (is_legal and scheme != DOTS):
        return name
    letters = []
    for at, letter in enumerate(name):
        is_plain = letter.isascii() and (letter.isalpha() or letter.isdigit() and at > 0)
        is_plain = is_plain or letter == ":" and not is_label
        if is_plain or (letter == "_" and scheme == UNDERSCORES):
            letters.append(letter)
        elif scheme == UNDERSCORES:
            letters.append("_")
        elif scheme == DOTS:
            letters.append("_dot_" if letter == "." else "__")
        else:
            letters.append("__" if letter == "_" else f"_{ord(letter):x}_")
    return ("U__" if scheme == VALUES else "") + "".join(letters)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: Any) -> str:
    number = float(value)
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return "NaN" if math.isnan(number) else repr(number)


class _Writer:
    def __init__(self, scheme: str, is_openmetrics: bool) -> None:
        self.scheme, self.is_openmetrics = scheme, is_openmetrics
        self.lines: list[str] = []

    def name(self, name: str, is_label: bool = False) -> str:
        name = escape_name(name, self.scheme, is_label)
        is_legal = (_LABEL if is_label else _METRIC).match(name)
        return name if is_legal else _quoted(name)

    def head(self, name: str, metric: Any, kind: str) -> None:
        name = self.name(name)
        text = metric.documentation.replace("\\", "\\\\").replace("\n", "\\n")
        if self.is_openmetrics:
            text = text.replace('"', '\\"')
        self.lines.append(f"# HELP {name} {text}")
        self.lines.append(f"# TYPE {name} {kind}")
        if self.is_openmetrics and metric.unit:
            self.lines.append(f"# UNIT {name} {metric.unit}")

    def labels(self, labels: dict[str, str]) -> list[str]:
        return [f"{self.name(key, True)}={_quoted(labels[key])}" for key in sorted(labels)]

    def sample(self, sample: Any) -> str:
        name, labels = self.name(sample.name), self.labels(sample.labels)
        if name.startswith('"'):
            name, labels = "", [name, *labels]
        text = name + ("{" + ",".join(labels) + "}" if labels else "")
        text += " " + _number(sample.value)
        if sample.timestamp is not None:
            moment = sample.timestamp
            text += f" {moment}" if self.is_openmetrics else f" {int(float(moment) * 1000)}"
        exemplar = getattr(sample, "exemplar", None)
        if exemplar and self.is_openmetrics:
            text += " # {" + ",".join(self.labels(exemplar.labels)) + "} "
            text += _number(exemplar.value)
            text += f" {exemplar.timestamp}" if exemplar.timestamp is not None else ""
        return text

    def metric(self, metric: Any) -> None:
        if self.is_openmetrics:
            self.head(metric.name, metric, metric.type)
            self.lines += map(self.sample, metric.samples)
            return
        ending = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        self.head(metric.name + ending, metric, _PLAIN_TYPES.get(metric.type, metric.type))
        apart: dict[str, list[str]] = {}
        for sample in metric.samples:
            own = next((end for end in _APART if sample.name == metric.name + end), None)
            to = self.lines if own is None else apart.setdefault(own, [])
            to.append(self.sample(sample))
        for own in sorted(apart):
            self.head(metric.name + own, metric, "gauge")
            self.lines += apart[own]


def text_of(metrics: Iterable[Any], scheme: str, is_openmetrics: bool) -> bytes:
    """The text of families, without the end of a page.

    An error names the family by its last argument.
    """
    writer = _Writer(scheme, is_openmetrics)
    for metric in metrics:
        try:
            writer.metric(metric)
        except Exception as error:
            error.args = (*(error.args or ("",)), metric)
            raise
    return "".join(f"{line}\n" for line in writer.lines).encode()
