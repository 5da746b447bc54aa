"""headcount and the Python client on the same directories: collecting, and what a process needs.

    scrapes.py DIRECTORIES scrapes|memory [--quick]

DIRECTORIES is the program of this package that is called so. Run by tests/peers/run, with a Python that has prometheus_client.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.abspath(__file__)
# Of 100 values: as in src/directory.rs.
COUNTERS, GAUGES, SUMMARIES, HISTOGRAMS = 30, 2, 2, 4
BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]


def declare():
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

    own = {"registry": CollectorRegistry()}
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

    # What a supervisor's hook does for each that died: its live gauges go.
    for pid in {name.rsplit("_", 1)[1].split(".")[0] for name in os.listdir(directory)}:
        mark_process_dead(pid, directory)
    took = []
    for _ in range(max(times, 2)):
        began = time.perf_counter()
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)
        text = generate_latest(registry)
        took.append(time.perf_counter() - began)
    samples = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {
        "cold": took[0],
        "steady": min(took[1:]),
        "bytes": len(text),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "samples": len(samples),
        "sum": sum(float(line.rsplit(" ", 1)[1]) for line in samples),
    }


def resident():
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS:")).split()[1])


def memory(directory, values, threads):
    import threading

    before = resident()
    metrics = declare()
    workers = [threading.Thread(target=record, args=(metrics, values)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    disk = sum(os.stat(os.path.join(directory, name)).st_blocks for name in os.listdir(directory))
    return {"disk_kib": disk // 2, "added_kib": resident() - before}


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


def scrapes(program, is_quick):
    sizes = [(10, 100), (10, 1000), (10, 10_000), (100, 100), (100, 1000), (100, 10_000), (1000, 100), (1000, 1000)]
    if is_quick:
        sizes = [(2, 100), (10, 100)]
    times = 3 if is_quick else 15
    print("| processes x values | ours, cold / steady ms | bytes | peak MiB | Python's, cold / steady ms | bytes | peak MiB | steady: Python's : ours |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for processes, values in sizes:
        with Directory() as directory:
            ours(program, "fill", directory, processes, values)
            us = ours(program, "scrape", directory, times)
        them = None
        # Beyond, its files take minutes to make.
        if processes * values <= 100_000:
            with Directory() as directory:
                python(directory, "fill", processes, values)
                them = python(directory, "scrape", times)
            for what in ("samples", "sum"):
                if abs(us[what] - them[what]) > 1e-6 * abs(them[what]):
                    raise ValueError(f"{processes} x {values}: {what} {us[what]}, Python's {them[what]}")
        row = [f"{processes:,} x {values:,}", *figures(us), *(figures(them) if them else ["", "", ""])]
        row.append(f"{them['steady'] / us['steady']:.0f}" if them else "")
        print("| " + " | ".join(row) + " |", flush=True)


def figures(of):
    return [f"{of['cold'] * 1e3:.2f} / {of['steady'] * 1e3:.2f}", f"{of['bytes']:,}", f"{of['peak_kib'] / 1024:.1f}"]


def memories(program, is_quick):
    print("| a process with | ours: on disk, added to memory KiB | Python's: on disk, added to memory KiB |")
    print("|---|---:|---:|")
    for name, values, threads in [("nothing recorded", 0, 1), ("1,000 values, 1 thread", 1000, 1), ("1,000 values, 16 threads", 1000, 16)]:
        with Directory() as directory:
            us = ours(program, "memory", directory, values, threads)
        with Directory() as directory:
            them = python(directory, "memory", values, threads)
        print(f"| {name} | {us['disk_kib']}, {us['added_kib']} | {them['disk_kib']}, {them['added_kib']} |", flush=True)
    print("\nBoth include the pages of the files themselves, and Python's the import of its client.")


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
    {"scrapes": scrapes, "memory": memories}[command](program, "--quick" in rest)


main()
