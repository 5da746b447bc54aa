"""headcount and the Python client on the same directories: collecting, and what a process needs.

    scrapes.py DIRECTORIES scrapes|memory|python-files [--quick]

DIRECTORIES is the program of this package that is called so. Run by tests/peers/run, with a Python that has prometheus_client.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.abspath(__file__)
# Of 100 values: as in src/directory.rs.
COUNTERS, GAUGES, SUMMARIES, HISTOGRAMS = 30, 2, 2, 4
BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]


def declare(registry=None):
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

    own = {"registry": registry or CollectorRegistry()}
    return (
        Counter("requests_total", "Requests served.", ["route"], **own),
        Gauge("connections", "Connections.", ["pool"], multiprocess_mode="livesum", **own),
        Summary("size_bytes", "Sizes.", ["route"], **own),
        Histogram("latency_seconds", "Latencies.", ["route"], buckets=BUCKETS, **own),
    )


def record(metrics, values):
    requests, connections, sizes, latencies = metrics

    def each(of_hundred):
        return (f"/route/{number}" for number in range(values * of_hundred // 100))

    for route in each(COUNTERS):
        requests.labels(route).inc()
    for pool in each(GAUGES):
        connections.labels(pool).set(1.0)
    for route in each(SUMMARIES):
        sizes.labels(route).observe(100.0)
    for route in each(HISTOGRAMS):
        latencies.labels(route).observe(0.3)


def fill(processes, values):
    metrics = declare()
    for _ in range(processes):
        pid = os.fork()
        if pid == 0:
            record(metrics, values)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status:
            raise ChildProcessError(f"a process ended with status {status}")


def scrape(directory, times):
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
    from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

    # What a supervisor's hook does for each that died: its live gauges go.
    for pid in {name.rsplit("_", 1)[1].split(".")[0] for name in os.listdir(directory)}:
        mark_process_dead(pid, directory)

    class Collected:
        """A registry of what was collected: its formats take one."""

        def __init__(self, metrics):
            self.metrics = metrics

        def collect(self):
            return self.metrics

    def timed(work, *arguments):
        began = time.process_time()
        result = work(*arguments)
        return time.process_time() - began, result

    def page():
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)
        return generate_latest(registry)

    def collect():
        return Collected(list(MultiProcessCollector(None, directory).collect()))

    cold, text = timed(page)
    collecting = float("inf")
    formats = {name: {"seconds": float("inf"), "bytes": 0} for name in ("text", "openmetrics")}
    for _ in range(times):
        took, metrics = timed(collect)
        collecting = min(collecting, took)
        for of, write in zip(formats.values(), (generate_latest, openmetrics)):
            took, written = timed(write, metrics)
            of.update(seconds=min(of["seconds"], took), bytes=len(written))
    samples = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {
        "cold": cold,
        "collect": collecting,
        "formats": formats,
        "disk_kib": disk_kib(directory),
        "peak_kib": status("VmHWM:"),
        "samples": len(samples),
        "sum": sum(float(line.rsplit(" ", 1)[1]) for line in samples),
    }


def disk_kib(directory):
    return sum(os.stat(os.path.join(directory, name)).st_blocks for name in os.listdir(directory)) // 2


def status(of):
    """What the kernel says of this process, in KiB. Not getrusage: the greatest size that it knows may be of the program that started this one."""
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith(of)).split()[1])


def memory(directory, values, threads):
    import threading

    before = status("VmRSS:"), status("RssAnon:")
    metrics = declare()
    workers = [threading.Thread(target=record, args=(metrics, values)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    resident, own = status("VmRSS:"), status("RssAnon:")
    return {
        "disk_kib": disk_kib(directory),
        "resident_kib": resident,
        "added_kib": resident - before[0],
        "own_kib": own - before[1],
    }


def python(directory, *arguments):
    """One of the functions above, in a process of its own: its client looks into the environment when it is imported."""
    output = subprocess.run(
        [sys.executable, HERE, "python", directory, *map(str, arguments)],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": directory},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(output.stdout or "null")


def ours(program, command, directory, *arguments):
    output = subprocess.run(
        [program, command, directory, *map(str, arguments)], stdout=subprocess.PIPE, check=True
    )
    return json.loads(output.stdout) if output.stdout.strip() else None


class Directory:
    """In memory, where there is such a filesystem."""

    def __enter__(self):
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.path = tempfile.mkdtemp(prefix="headcount-beside-", dir=memory)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


GRID = [(processes, values) for processes in (10, 100, 1000) for values in (100, 1000, 10_000)]
LIVING = [(100, 100), (100, 1000), (100, 10_000), (1000, 100)]
# Beyond so many values of all processes, Python's files take minutes to make, and gigabytes to read.
MOST = 1_000_000


def scrapes(program, is_quick):
    grid, most = ([(2, 100), (10, 100)], 500) if is_quick else (GRID, MOST)
    results = []
    for processes, values in grid:
        number = processes * values
        # The longer it takes, the fewer.
        times = 2 if is_quick else max(2, min(15, 3_000_000 // number))
        with Directory() as directory:
            ours(program, "fill", directory, processes, values)
            us = ours(program, "scrape", directory, times)
        them = None
        if number <= most:
            with Directory() as directory:
                ours(program, "fill-alike", directory, processes, values)
                us["alike"] = ours(program, "scrape", directory, times)
            with Directory() as directory:
                python(directory, "fill", processes, values)
                them = python(directory, "scrape", times)
            for what in ("samples", "sum"):
                if abs(us[what] - them[what]) > 1e-6 * abs(them[what]):
                    raise ValueError(f"{processes} x {values}: {what} {us[what]}, Python's {them[what]}")
        results.append((processes, values, us, them))
    known = [(processes * values, them) for processes, values, _, them in results if them]
    print("Collecting and writing the text, in milliseconds of CPU time; the memory is the process's peak.\n")
    table(
        ["processes x values", "floor", "ours, cold", "steady", "steady, equal logs", "peak MiB", "files MiB"]
        + ["Python's, cold", "steady", "peak MiB", "files MiB", "steady, Python's : ours", "equal logs", "ours : floor"],
        [
            [f"{processes:,} x {values:,}", *whole(us), *(whole(them) if them else beyond(processes * values, known)), *ratios(us, them)]
            for processes, values, us, them in results
        ],
    )
    print("\nThe parts of it, in milliseconds of CPU time, and the size of the page, in KiB.\n")
    table(
        ["processes x values", "ours: collecting", "text", "OpenMetrics", "text, KiB", "OpenMetrics, KiB"]
        + ["Python's: collecting", "text", "OpenMetrics", "text, KiB", "OpenMetrics, KiB"],
        [[f"{processes:,} x {values:,}", *parts(us), *parts(them)] for processes, values, us, them in results],
    )
    print("\nLiving processes, in milliseconds of CPU time: scraped again, and after a new one replaced one.\n")
    rows = []
    for processes, values in [(4, 100)] if is_quick else LIVING:
        with Directory() as directory:
            us = ours(program, "replace", directory, processes, values, 3 if is_quick else 41)
        columns = [ms(us[what]) for what in ("floor", "steady", "replaced")]
        rates = [f"{us['replaced'] / us['steady']:.2f}", f"{us['steady'] / us['floor']:.1f}"]
        rows.append([f"{processes:,} x {values:,}", *columns, *rates])
    table(["processes x values", "floor", "steady", "one replaced", "replaced : steady", "steady : floor"], rows)
    print(f"""
In the first two tables all processes are dead, and none of their segments is compacted: the files
are there, and a collector that comes for the first time reads each of them. Every process created
its series in a different order, as a server's workers do when labels come from outside. In the
columns "equal logs" all processes created them in one order, or all are declared. A value is a
number in the Python client's files: a counter, a gauge, the sum or the count of a summary, a bucket
or the sum of a histogram.

The floor is the time to open each file and to read what a scrape needs of it, with one call for
the header and the words and one for the cells of each shard, and to do nothing with it. Cold is the
first collection in a new process. Steady is the least of 2 to 15 more collections by the same
collector, which keeps what cannot have changed; of dead processes that is everything, so that it
does not open their files again. In the last table it is the median of 41, like the time after one
process has ended and a new one has its series in another order; the dead are compacted now and
then. Files are measured by their blocks.

The pages of both sides were compared: they have equally many samples and the same sum. Python is
not run beyond {most:,} values of all processes together; the figures marked "some" are
extrapolated from the runs before.""")


def python_files(program, is_quick):
    grid = [(2, 100)] if is_quick else [(n, values) for n in (10, 100, 1000) for values in (100, 1000)]
    rows = []
    for processes, values in grid:
        times = 2 if is_quick else max(3, min(15, 3_000_000 // (processes * values)))
        with Directory() as directory:
            python(directory, "fill", processes, values)
            them = python(directory, "scrape", times)
            us = ours(program, "scrape-python", directory, times)
            files = len(os.listdir(directory))
        for what in ("samples", "sum"):
            if abs(us[what] - them[what]) > 1e-6 * abs(them[what]):
                raise ValueError(f"{processes} x {values}: {what} {us[what]}, Python's {them[what]}")
        theirs = steady(them)
        rows.append(
            [f"{processes:,} x {values:,}", f"{files:,}", ms(theirs), ms(us["fresh"]), f"{theirs / us['fresh']:.0f}"]
            + [ms(us["kept"]), f"{theirs / us['kept']:.0f}", mib(them["peak_kib"]), mib(us["peak_kib"])]
        )
    print("Reading the same files of Python's client and writing the text, in milliseconds of CPU time.\n")
    table(
        ["processes x values", "files", "Python's client", "headcount, nothing kept", "ratio", "kept", "ratio"]
        + ["Python's peak MiB", "headcount's"],
        rows,
    )
    print("""
The files are those of dead processes, in memory, and none was folded. Every figure is the least of
3 to 15 runs. "Nothing kept" is a new collector each time; "kept" is one collector that collects
again and again, which knows the places of the values. Both pages have equally many samples with the
same sum.""")


def table(head, rows):
    for row in [head, ["---", *["---:"] * (len(head) - 1)], *rows]:
        print("| " + " | ".join(row) + " |", flush=True)


def steady(of):
    return of["collect"] + of["formats"]["text"]["seconds"]


def ms(seconds):
    if seconds < 1e-6:
        return "< 0.001"
    return f"{seconds * 1e3:,.0f}" if seconds >= 0.1 else f"{seconds * 1e3:.3g}"


def mib(kib):
    return f"{kib / 1024:.2f}" if kib < 1024 else f"{kib / 1024:,.1f}"


def whole(of):
    floor = [ms(of["floor"])] if "floor" in of else []
    alike = [ms(steady(of["alike"])) if "alike" in of else ""] if floor else []
    return [*floor, ms(of["cold"]), ms(steady(of)), *alike, mib(of["peak_kib"]), mib(of["disk_kib"])]


def beyond(number, known):
    """Reckoned: from the greatest that was run, and for the memory from what the client takes by itself, too."""
    most, them = max(known, key=lambda one: one[0])
    _, least = min(known, key=lambda one: one[0])
    times = number / most
    peak = least["peak_kib"] + (them["peak_kib"] - least["peak_kib"]) * times
    return ["not run", f"some {ms(steady(them) * times)}", f"some {peak / 1024:,.0f}", f"some {them['disk_kib'] * times / 1024:,.0f}"]


def parts(of):
    if of is None:
        return ["not run", *[""] * 4]
    formats = of["formats"].values()
    return [ms(of["collect"]), *(ms(one["seconds"]) for one in formats), *(f"{one['bytes'] / 1024:,.0f}" for one in formats)]


def ratios(us, them):
    beside = [us, us["alike"]] if them else []
    times = [f"{steady(them) / steady(one):.0f}" for one in beside] or ["", ""]
    return [*times, f"{steady(us) / us['floor']:.1f}"]


def memories(program, is_quick):
    rows = []
    for name, values, threads in [
        ("nothing recorded", 0, 1),
        ("1,001 series, 1 thread", 2640, 1),
        ("1,001 series, 16 threads", 2640, 16),
    ]:
        with Directory() as directory:
            us = ours(program, "memory", directory, values, threads)
        with Directory() as directory:
            them = python(directory, "memory", values, threads)
        columns = ("disk_kib", "resident_kib", "added_kib", "own_kib")
        rows.append([name, *(f"{of[column]:,}" for of in (us, them) for column in columns)])
    print("What a process needs, in KiB.\n")
    head = ["files", "resident", "added", "added of its own"]
    table(["a process with", f"ours: {head[0]}", *head[1:], f"Python's: {head[0]}", *head[1:]], rows)
    print("""
Of 1,001 series, 105 are histograms of 14 buckets and 52 are summaries; each thread records in all
of them. Files are measured by their blocks. "Added" is what the first use of the client and all
series add, including pages of files, also those pages of the program's own code that were first
used then. "Added of its own" excludes pages of files. For Python the import of its client is
included. For Rust the threads existed before the measurement.""")


def main():
    program, command, *rest = sys.argv[1:]
    if program == "python":
        directory, (what, *numbers) = command, rest
        numbers = [int(number) for number in numbers]
        if what == "fill":
            fill(*numbers)
        else:
            print(json.dumps({"scrape": scrape, "memory": memory}[what](directory, *numbers)))
        return
    {"scrapes": scrapes, "memory": memories, "python-files": python_files}[command](program, "--quick" in rest)


if __name__ == "__main__":
    main()
