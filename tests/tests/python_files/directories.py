"""Writes random directories as processes of a program with prometheus_client would, and prints
what MultiProcessCollector makes of each: a JSON object a line.

Usage: directories.py FOLDER NUMBER SEED
"""

import json
import os
import random
import sys

folder, number, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MODES = sorted(Gauge._MULTIPROC_MODES)
TEXTS = ["", "a", "b", "a b", 'q"uote', "back\\slash", "new\nline", "\t", "é", "日本", "😀", "\x7f",
         "x" * 300, "le", "{}", "[", "]", "1", "\u2028"]
NUMBERS = [0, 0.0, 1, 2.5, 1e-9, 1e16, 1e300, float("inf"), float("nan"), 3]
# Python adds in the order of the files, and these are exact in every order. They go up and down.
EXACT = [0, 1, 2.5, 0.25, 1024, float("inf"), float("nan"), 3]
BOUNDS = [None, (1,), (0.1, 1, 10), (-1, 0, 1), (1, 2, 3, float("inf")), (1e-7, 1e7), (5e-324, 1e300)]
NAMES = ["ab", "jobs", "queue_length", "x:y", "a_sum_of", "latency_seconds", "z", "n1"]
LABELS = [(), ("a",), ("a", "b"), ("zone", "pid"), ("b", "a")]


def metrics(random):
    """A program: what its processes declare."""
    program = []
    for name in random.sample(NAMES, random.randint(1, len(NAMES))):
        kind = random.choice([Counter, Gauge, Histogram, Summary])
        labels = random.choice(LABELS)
        # The values of labels, so that processes share some of their series.
        children = [tuple(random.choice(TEXTS) for _ in labels) for _ in range(random.randint(1, 4))]
        options = {"unit": random.choice(["", "", "seconds"])}
        if options["unit"] and name.endswith("seconds"):
            options["unit"] = ""
        if kind is Gauge:
            options["multiprocess_mode"] = random.choice(MODES)
        program.append((kind, name, random.choice(TEXTS), labels, children, options))
    return program


def write(random, program, pid):
    """A process, which declares these and uses some."""
    values.ValueClass = values.MultiProcessValue(lambda: pid)
    registry = CollectorRegistry()
    for kind, name, help, labels, children, options in random.sample(program, len(program)):
        if random.random() < 0.2:
            continue
        options = dict(options)
        if kind is Histogram:
            # Versions of the program differ in these.
            bounds = random.choice(BOUNDS) if random.random() < 0.3 else None
            options.update({} if bounds is None else {"buckets": bounds})
        metric = kind(name, help, labels, registry=registry, **options)
        for child in random.sample(children, random.randint(0, len(children))):
            one = metric.labels(*child) if labels else metric
            for _ in range(random.randint(0, 3)):
                value = random.choice(EXACT if kind is Gauge else NUMBERS)
                if kind is Counter:
                    one.inc(value)
                elif kind is Gauge:
                    is_recent = options["multiprocess_mode"].endswith("mostrecent")
                    random.choice([one.set] if is_recent else [one.set, one.inc, one.dec])(value)
                else:
                    one.observe(value)


def told(value):
    """JSON has no infinities."""
    return repr(float(value))


for n in range(number):
    random.seed(f"{seed}.{n}")
    path = os.path.join(folder, str(n))
    os.mkdir(path)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = path
    program = metrics(random)
    pids = random.sample(range(1, 100000), random.randint(1, 6))
    for pid in pids:
        write(random, program, pid)
    for pid in pids:
        if random.random() < 0.3:
            mark_process_dead(pid)
    files = sorted(os.path.join(path, name) for name in os.listdir(path))
    families = []
    for metric in MultiProcessCollector.merge(files, accumulate=True):
        # With a label `pid` of the program's own it prints samples twice: the last one counts.
        samples = {(s.name, tuple(s.labels.items())): told(s.value) for s in metric.samples}
        samples = [[name, labels, value] for (name, labels), value in samples.items()]
        families.append([metric.name, metric.documentation, metric.type, samples])
    print(json.dumps(families))
