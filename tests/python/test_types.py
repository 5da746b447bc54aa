"""The package's types, by mypy's strictest rules: a program that is right, and mistakes in one."""

import os
import subprocess
import sys
import tempfile
import unittest

RIGHT = """
import asyncio
from headcount import (
    REGISTRY, CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary,
    generate_latest, make_asgi_app, make_wsgi_app, start_http_server, write_to_textfile,
)
from headcount.core import GaugeMetricFamily, Metric
from collections.abc import Iterator

registry = CollectorRegistry(target_info={"env": "test"})
requests: Counter = Counter("requests", "R.", ["path"], unit="things", registry=registry)
depth = Gauge("depth", "D.", multiprocess_mode="livesum")
sizes = Histogram("sizes", "S.", buckets=(1, 2.5, float("inf")), max_series=10)
latency = Summary("latency_seconds", "L.", registry=None)
Info("build", "B.").info({"version": "1"})
Enum("state", "S.", states=["a", "b"]).state("a")

@requests.labels("/").count_exceptions(ValueError)
@depth.track_inprogress()
@sizes.time()
def work(number: int, *, text: str = "") -> str:
    return text * number

@latency.time()
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds

class Mine:
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("mine", "M.", value=1)

class Doubled(Counter):
    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        super().inc(2 * amount, exemplar)

registry.register(Mine())
answer: str = work(2, text="a")
doubled: Doubled = Doubled("doubled", "D.", ["l"]).labels(l=1)
with sizes.time() as timer:
    pass
took: float | None = timer.duration
page: bytes = generate_latest(registry)
value: float | None = REGISTRY.get_sample_value("depth", {"l": "x"})
own: float = depth._value.get()
write_to_textfile("/tmp/page.prom", registry)
server, thread = start_http_server(8000, registry=registry)
applications = [make_wsgi_app(registry), make_asgi_app()]
"""

#: Mistakes, and what mypy calls them.
WRONG = {
    "work('a')": "arg-type",
    "answer = asyncio.run(wait(1))": "assignment",
    "depth.set('full')": "arg-type",
    "Gauge('g', 'G.', multiprocess_mode='most')": "arg-type",
    "requests.observe(1)": "attr-defined",
    "Counter('c')": "call-arg",
}


def errors_of(text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "program.py")
        with open(file, "w") as program:
            program.write(text)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", folder, "--no-pretty", file],
            capture_output=True,
            text=True,
            env={**os.environ, "MYPYPATH": os.environ["PYTHONPATH"]},
        )
        assert done.returncode < 2, done.stdout + done.stderr
        return done.stdout


class Types(unittest.TestCase):
    def test_a_program_is_right(self):
        self.assertIn("Success: no issues found in 1 source file", errors_of(RIGHT))

    def test_mistakes_are_found(self):
        found = errors_of(RIGHT + "\n".join(WRONG) + "\n")
        first = RIGHT.count("\n") + 1
        for line, (text, kind) in enumerate(WRONG.items(), first):
            of_line = [told for told in found.splitlines() if f":{line}: error:" in told]
            self.assertTrue(of_line and f"[{kind}]" in of_line[0], f"{text}: {found}")
        self.assertIn(f"Found {len(WRONG)} errors", found)


if __name__ == "__main__":
    unittest.main()
