"""Reads pages in every format with parsers that are not ours, and compares what it reads with what
was to be written: prometheus_client for both text formats, Google's protobuf, Python's JSON.

The test `page_formats` hands it a list of cases on its standard input, as JSON. Numbers are the
bits of a double, in hexadecimal.
"""

import gzip
import json
import math
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from prometheus_client.openmetrics.exposition import escape_label_name, escape_metric_name
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families


def bits(number):
    # prometheus_client reads "-0" as a whole number, which has no sign.
    number = float(number) or 0.0
    return "nan" if math.isnan(number) else struct.pack(">d", number).hex()


def key(name, labels):
    labels = dict(labels)
    if "le" in labels:
        labels["le"] = bits(labels["le"])
    return json.dumps([name, sorted(labels.items())])


# The part of client_model's metrics.proto that is written, as far as it is there.
MESSAGES = {
    "LabelPair": [("name", 1, "string"), ("value", 2, "string")],
    "Gauge": [("value", 1, "double")],
    "Counter": [("value", 1, "double"), ("created_timestamp", 3, "time")],
    "Quantile": [("quantile", 1, "double"), ("value", 2, "double")],
    "Summary": [
        ("sample_count", 1, "uint64"),
        ("sample_sum", 2, "double"),
        ("quantile", 3, "Quantile*"),
        ("created_timestamp", 4, "time"),
    ],
    "Bucket": [("cumulative_count", 1, "uint64"), ("upper_bound", 2, "double")],
    "Histogram": [
        ("sample_count", 1, "uint64"),
        ("sample_sum", 2, "double"),
        ("bucket", 3, "Bucket*"),
        ("created_timestamp", 15, "time"),
    ],
    "Metric": [
        ("label", 1, "LabelPair*"),
        ("gauge", 2, "Gauge"),
        ("counter", 3, "Counter"),
        ("summary", 4, "Summary"),
        ("timestamp_ms", 6, "int64"),
        ("histogram", 7, "Histogram"),
    ],
    "MetricFamily": [
        ("name", 1, "string"),
        ("help", 2, "string"),
        ("type", 3, "int32"),
        ("metric", 4, "Metric*"),
        ("unit", 5, "string"),
    ],
}


def family_message():
    file = descriptor_pb2.FileDescriptorProto(
        name="metrics.proto",
        package="io.prometheus.client",
        syntax="proto2",
        dependency=["google/protobuf/timestamp.proto"],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            field = described.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
            if kind.endswith("*"):
                field.label = kinds.LABEL_REPEATED
                kind = kind[:-1]
            if kind in MESSAGES or kind == "time":
                field.type = kinds.TYPE_MESSAGE
                field.type_name = ".google.protobuf.Timestamp"
                if kind in MESSAGES:
                    field.type_name = f".io.prometheus.client.{kind}"
            else:
                field.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("io.prometheus.client.MetricFamily")
    )


FAMILY = family_message()
TYPES = {"counter": 0, "gauge": 1, "info": 1, "stateset": 1, "summary": 2, "histogram": 4}


def protobuf_families(page):
    at = 0
    while at < len(page):
        length = shift = 0
        while True:
            byte = page[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        family = FAMILY()
        assert at + length <= len(page), "a message that ends too early"
        family.ParseFromString(page[at : at + length])
        at += length
        # A field with another number or another wire type would be among the unknown ones.
        known = FAMILY()
        known.CopyFrom(family)
        known.DiscardUnknownFields()
        assert known.ByteSize() == length, "fields that nobody knows"
        yield family


def read_protobuf(page):
    samples, created, kinds = {}, {}, {}
    for family in protobuf_families(page):
        kinds[family.name] = (family.type, family.help, family.unit)
        for metric in family.metric:
            labels = {label.name: label.value for label in metric.label}
            assert len(labels) == len(metric.label)

            def add(suffix, value, more=()):
                samples[key(family.name + suffix, labels | dict(more))] = bits(value)

            which = [name for name in ("gauge", "counter", "summary", "histogram") if metric.HasField(name)]
            assert len(which) == 1, which
            value = getattr(metric, which[0])
            if which[0] in ("gauge", "counter"):
                add("", value.value)
            else:
                add("_sum", value.sample_sum)
                add("_count", value.sample_count)
            if which[0] == "histogram":
                for bucket in value.bucket:
                    add("_bucket", bucket.cumulative_count, {"le": bucket.upper_bound})
            if which[0] != "gauge" and value.HasField("created_timestamp"):
                time = value.created_timestamp
                created[key(family.name, labels)] = round(time.seconds * 1000 + time.nanos / 1e6)
    return samples, created, kinds


def number(value):
    return float(value) if isinstance(value, (int, float)) else {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}[value]


def read_json(page):
    samples, created, kinds = {}, {}, {}
    read = json.loads(page, parse_constant=lambda word: sys.exit(f"{word} is no JSON"))
    assert set(read) == {"families", "skipped"}
    for family in read["families"]:
        name = family["name"]
        kinds[name] = (family["type"], family["help"], family.get("unit", ""))
        for series in family["series"]:

            def add(suffix, value, more=()):
                samples[key(name + suffix, series["labels"] | dict(more))] = bits(number(value))

            if "value" in series:
                add("", series["value"])
            else:
                add("_sum", series["sum"])
                add("_count", series["count"])
            for bucket in series.get("buckets", ()):
                add("_bucket", bucket["count"], {"le": number(bucket["le"])})
            if "created" in series:
                created[key(name, series["labels"])] = round(series["created"] * 1000)
    return samples, created, kinds


def read_text(parse, page):
    samples, created = {}, {}
    for family in parse(page.decode()):
        for sample in family.samples:
            if family.type in ("counter", "histogram", "summary") and sample.name == family.name + "_created":
                created[key(family.name, sample.labels)] = round(sample.value * 1000)
            else:
                samples[key(sample.name, sample.labels)] = bits(sample.value)
    return samples, created


def expected_of(case):
    """What is to be read: samples, and for protobuf and JSON the types."""
    escaped = {
        "metric": lambda name: escape_metric_name(name, case["scheme"]),
        "label": lambda name: escape_label_name(name, case["scheme"]),
    }
    if case["scheme"] == "allow-utf-8":
        escaped = {"metric": lambda name: name, "label": lambda name: name}
    samples, kinds = {}, {}
    for family in case["families"]:
        name = escaped["metric"](family["name"])
        kinds[name] = (family["type"], family["help"], family["unit"])
        for suffix, labels, value in family["samples"]:
            names = {label: escaped["label"](label) for label in labels}
            if suffix == "_bucket":
                labels["le"] = struct.unpack(">d", bytes.fromhex(labels["le"]))[0]
                names["le"] = "le"
            labels = {names[label]: value for label, value in labels.items()}
            value = struct.unpack(">d", bytes.fromhex(value))[0]
            samples[key(name + suffix, labels)] = bits(value)
    return samples, kinds


def differences(one, other):
    return {k: (one.get(k), other.get(k)) for k in one.keys() | other.keys() if one.get(k) != other.get(k)}


for number_of_case, case in enumerate(json.load(sys.stdin)):
    page = bytes.fromhex(case["page"])
    if case["packed"]:
        page = gzip.decompress(page)
    expected, kinds = expected_of(case)
    read_kinds = None
    try:
        if case["format"] == "protobuf":
            samples, created, read_kinds = read_protobuf(page)
            kinds = {name: (TYPES[kind], *rest) for name, (kind, *rest) in kinds.items()}
        elif case["format"] == "json":
            samples, created, read_kinds = read_json(page)
            kinds = {name: tuple(kind) for name, kind in kinds.items()}
        elif case["format"] == "openmetrics":
            samples, created = read_text(openmetrics_families, page)
        else:
            samples, created = read_text(text_families, page)
        wrong = differences(expected, samples)
        if read_kinds is not None:
            wrong |= differences(kinds, read_kinds)
        has_created = case["format"] in ("protobuf", "json") or case["created"]
        if bool(created) != has_created:
            wrong["created"] = created
    except (ValueError, AssertionError, KeyError) as error:
        wrong = repr(error)
    if wrong:
        what = f"case {number_of_case}: {case['format']}, {case['scheme']}: {wrong}"
        sys.exit(f"{page.decode(errors='replace')}\n{what}")
    print(len(samples))
