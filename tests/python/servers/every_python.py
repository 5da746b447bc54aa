"""A program of many processes that any Python must be able to run. It prints its page."""

import headcount.bridge  # isort: skip

import os
import signal
import sys

from prometheus_client import Counter, Gauge, Histogram, Info, Summary, generate_latest

jobs = Counter("jobs", "Jobs.", ["queue"])
depth = Gauge("depth", "Depth.", multiprocess_mode="livesum")
peak = Gauge("peak", "Peak.", multiprocess_mode="max")
latency = Summary("latency", "Latency.", unit="seconds")
size = Histogram("size", "Size.", buckets=(1, 2.5))
Info("build", "Build.").info({"language": "Python"})


@size.time()
def timed() -> None:
    pass


def work(n: int) -> None:
    for _ in range(100):
        jobs.labels("mail").inc()
        latency.observe(0.5)
    depth.set(10)
    peak.set(n)
    size.observe(2)
    timed()


def fork(n: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work(n)
            if n % 2 == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(0)
    return pid


for pid in [fork(n) for n in range(6)]:
    os.waitpid(pid, 0)
depth.set(1)
sys.stdout.write(generate_latest().decode())
