"""Celery's prefork pool, whose processes are recycled and killed, behind one exporter."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

from support import environment, eventually, samples
from traffic import APPS, Server, checked_by_promtool, free_port

WORKER = (
    "celery", "--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "2",
    "--max-tasks-per-child", "25", "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip

#: Sends tasks, whose links will be in a folder.
SENDER = """
import sys
import tasks
for n in range(int(sys.argv[1])):
    tasks.work.delay(5 + n, f"{sys.argv[2]}-{n}")
tasks.deliver()
"""
#: Sends a task that waits for ever.
WAITER = """
import sys
import tasks
tasks.wait.delay(sys.argv[1])
tasks.deliver()
"""


class Celery(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def run_here(self, code: str, *arguments: str) -> None:
        """A program that sends tasks, and counts nothing."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment(None, BROKER_FOLDER=self.folder),
            cwd=APPS,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def doers(self, tasks: int) -> list[str]:
        """The processes that did the tasks."""
        path = os.path.join(tempfile.mkdtemp(dir=self.folder), "done")
        self.run_here(SENDER, str(tasks), path)
        links = [f"{path}-{n}" for n in range(tasks)]
        eventually("all tasks are done", lambda: all(map(os.path.islink, links)))
        return [os.readlink(link) for link in links]

    def held(self, worker: Server, page) -> None:
        """The page shows each task that was done, whoever did it and whatever became of it."""
        done: list[str] = []

        def is_exact(cut: int) -> bool:
            text = page()
            found = samples(text)
            self.assertEqual(found['begun_total{kind="work"}'], len(done))
            self.assertEqual(found['ended_total{kind="work"}'], len(done))
            self.assertEqual(found["size_count"], len(done))
            self.assertEqual(found['size_bucket{le="10.0"}'], 6 * (1 + cut))
            self.assertEqual(found.get('begun_total{kind="wait"}', 0), cut)
            self.assertNotIn('ended_total{kind="wait"}', found)
            # A killed process runs nothing. Maybe no process is left that has the gauge.
            self.assertEqual(found.get("running", 0), 0)
            checked_by_promtool(text)
            return True

        done += self.doers(100)
        self.assertGreaterEqual(len(set(done)), 100 / 25, "its processes were recycled")
        for _ in range(5):
            is_exact(0)

        for cut in range(1, 3):
            path = os.path.join(self.folder, f"waits-{cut}")
            self.run_here(WAITER, path)
            eventually("a task waits", lambda: os.path.islink(path))
            pid = int(os.readlink(path))
            self.assertEqual(samples(page())["running"], 1)
            os.kill(pid, signal.SIGKILL)
            eventually("it is gone", lambda: samples(page()).get("running", 0) == 0)
            done += self.doers(20)
            for _ in range(5):
                is_exact(cut)
        self.assertNotIn("headcount: ", worker.log())

    def test_the_process_that_started_the_pool_exports(self):
        port = free_port()
        variables = {"BROKER_FOLDER": self.folder, "EXPORTER_PORT": str(port)}
        with Server(*WORKER, bridge=True, **variables) as worker:
            worker.port = port
            worker.wait_for("/metrics")
            self.held(worker, worker.page)

    def test_another_program_exports(self):
        with Server(*WORKER, bridge=True, BROKER_FOLDER=self.folder) as worker:
            port = free_port()
            exporter = subprocess.Popen(
                [os.environ["HEADCOUNT_PROGRAM"], "serve", "--dir", worker.path]
                + ["--web.listen-address", f"127.0.0.1:{port}"],
                stderr=subprocess.PIPE,
            )
            try:
                worker.port = port
                worker.wait_for("/metrics")
                self.held(worker, worker.page)
            finally:
                exporter.terminate()
                exporter.communicate()


if __name__ == "__main__":
    unittest.main()
