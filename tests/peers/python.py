"""What recording costs in Python: prometheus_client by itself, in its multiprocess mode, and with
headcount's bridge behind it; and headcount's own classes. `tests/peers/run python` runs it.

Each way is a process of its own. They take turns, so that whatever else the machine does falls on
all of them, and of each figure the least counts. The figures are the thread's processor time.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

#: Operations by their names in the table: what is done before, and what is measured.
OPERATIONS = {
    "`c.inc()`": ("c = Counter('c', 'C.')", "c.inc()"),
    "`c.inc()`, a kept child": ("k = Counter('k', 'K.', ['a']).labels('x')", "k.inc()"),
    "`c.labels(a, b, c).inc()`": (
        "l = Counter('l', 'L.', ['a', 'b', 'c'])",
        "l.labels('get', '/index', '200').inc()",
    ),
    "`g.set(4.0)`": ("g = Gauge('g', 'G.', multiprocess_mode='livesum')", "g.set(4.0)"),
    "`s.observe(0.3)`": ("s = Summary('s', 'S.')", "s.observe(0.3)"),
    "`h.observe(0.3)`": ("h = Histogram('h', 'H.')", "h.observe(0.3)"),
    "`with h.time()`": ("t = Histogram('t', 'T.')", "with t.time(): pass"),
    "a call that is timed and counted": (
        "d, e = Histogram('d', 'D.'), Counter('e', 'E.')\n"
        "@e.count_exceptions()\n@d.time()\ndef f(): pass",
        "f()",
    ),
    "a new series": (
        "n = Counter('n', 'N.', ['a']); numbers = iter(range(1 << 60))",
        "n.labels(next(numbers)).inc()",
    ),
}
#: A page of so many series.
SERIES = 10_000
PAGE = f"a page of {SERIES:,} series"

WAYS = {
    "single process": "",
    "multiprocess": "",
    "bridge": "import headcount.bridge",
    "own classes": "from headcount import *",
}

WORKER = """
{first}
import sys, time, timeit
is_own = "Counter" in globals()
if not is_own:
    from prometheus_client import *
    from prometheus_client import multiprocess, values
operations, series = eval(sys.stdin.readline())
timers = []
for before, measured in operations:
    names = dict(globals())
    exec(before, names)
    timers.append(timeit.Timer(measured, globals=names, timer=time.thread_time).timeit)
page = Counter('page', 'P.', ['a'])
registry = REGISTRY
if not is_own and values.ValueClass._multiprocess:
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
def pages(times):
    started = time.process_time()
    for _ in range(times):
        generate_latest(registry)
    return time.process_time() - started
for line in sys.stdin:
    nth, times = map(int, line.split())
    if nth == len(timers):
        for n in range(series):
            page.labels(n).inc()
    print((timers[nth] if nth < len(timers) else pages)(times) / times, flush=True)
"""


class Way:
    """A process that measures one way."""

    def __init__(self, first: str, directory: str | None) -> None:
        variables = dict(os.environ)
        for name in ("HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
            variables.pop(name, None)
        if directory is not None:
            variables["PROMETHEUS_MULTIPROC_DIR"] = directory
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER.format(first=first)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
        )
        self.say(repr((list(OPERATIONS.values()), SERIES)))

    def say(self, line: str) -> None:
        print(line, file=self.process.stdin, flush=True)

    def measure(self, nth: int, times: int) -> float:
        self.say(f"{nth} {times}")
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def digits(number: float) -> str:
    """Three digits are more than the figures can have."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def main(is_quick: bool) -> None:
    turns, times, pages = (2, 50, 1) if is_quick else (12, 20_000, 3)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        ways = {}
        for way, first in WAYS.items():
            directory = None
            if way != "single process":
                directory = os.path.join(folder, way)
                os.mkdir(directory)
            ways[way] = Way(first, directory)
        versions = (
            f"Python {platform.python_version()}, prometheus_client {version('prometheus-client')}"
        )
        load = f"load {os.getloadavg()[0]:.2f}"
        print(f"{os.cpu_count()} processors, Linux {platform.release()}, {versions},")
        print(f"{load}; {turns} turns")
        print()
        ratios = "multiprocess : bridge | multiprocess : own classes"
        print("| operation, ns |", " | ".join(WAYS), f"| {ratios} |")
        print("| --- |", " | ".join("---:" for _ in WAYS), "| ---: | ---: |")
        for nth, name in enumerate([*OPERATIONS, PAGE]):
            is_page = name == PAGE
            # Each call makes a series, which stays.
            count = pages if is_page else 200 if name == "a new series" else times
            least = dict.fromkeys(ways, float("inf"))
            for _ in range(min(turns, 4) if is_page else turns):
                for way, worker in ways.items():
                    least[way] = min(least[way], worker.measure(nth, count))
            scale = 1e3 if is_page else 1e9
            figures = " | ".join(digits(least[way] * scale) for way in WAYS)
            ratios = (least["multiprocess"] / least[way] for way in ("bridge", "own classes"))
            ratios = " | ".join(map(digits, ratios))
            label = f"{name}, ms" if is_page else name
            print(f"| {label} | {figures} | {ratios} |", flush=True)
        for worker in ways.values():
            worker.end()
        print()
        print("The figures are CPU time of the calling thread, the least of all turns; for a page,")
        print("of the process. The directories are in memory.")


if __name__ == "__main__":
    started = time.monotonic()
    main("--quick" in sys.argv[1:])
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
