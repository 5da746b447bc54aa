"""Celery's prefork pool, whose processes are recycled and killed, behind an exporter."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

from support import environment, eventually, samples
from traffic import APPS, Server, answer, checked_by_promtool, free_port

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

    def test_each_exporter_shows_what_all_processes_of_the_pool_did(self):
        port = free_port()
        variables = {"BROKER_FOLDER": self.folder, "EXPORTER_PORT": str(port)}
        # It takes its time to end, with and without headcount; it isn't hurried.
        with Server(*WORKER, bridge=True, **variables) as worker:
            address = f"127.0.0.1:{worker.port}"
            exporter = subprocess.Popen(
                [os.environ["HEADCOUNT_PROGRAM"], "serve", "--dir", worker.path]
                + ["--web.listen-address", address],
                stderr=subprocess.PIPE,
            )
            try:
                for at in (worker.port, port):
                    eventually("a page comes", lambda: answer(at, "/metrics"))
                self.held(worker, [worker.port, port])
            finally:
                exporter.terminate()
                exporter.communicate()

    def held(self, worker: Server, ports: list[int]) -> None:
        """The pages show each task that was done, whoever did it and whatever became of it.

        One exporter is the process that started the pool, and one is `headcount serve`.
        """
        done: list[str] = []

        def pages() -> list[str]:
            return [eventually("a page comes", lambda: answer(at, "/metrics")) for at in ports]

        def running() -> list[float]:
            # Maybe no process is left that has the gauge.
            return [samples(page).get("running", 0) for page in pages()]

        def is_exact(text: str, cut: int) -> None:
            found = samples(text)
            self.assertEqual(found['begun_total{kind="work"}'], len(done))
            self.assertEqual(found['ended_total{kind="work"}'], len(done))
            self.assertEqual(found["size_count"], len(done))
            self.assertEqual(found['size_bucket{le="10.0"}'], 6 * (1 + cut))
            self.assertEqual(found.get('begun_total{kind="wait"}', 0), cut)
            self.assertNotIn('ended_total{kind="wait"}', found)
            checked_by_promtool(text)

        done += self.doers(100)
        self.assertGreaterEqual(len(set(done)), 100 / 25, "its processes were recycled")
        for page in pages() + pages():
            is_exact(page, 0)

        for cut in range(1, 3):
            path = os.path.join(self.folder, f"waits-{cut}")
            self.run_here(WAITER, path)
            eventually("a task waits", lambda: os.path.islink(path))
            pid = int(os.readlink(path))
            self.assertEqual(running(), [1, 1])
            os.kill(pid, signal.SIGKILL)
            eventually("it is gone", lambda: running() == [0, 0])
            done += self.doers(20)
            self.assertEqual(running(), [0, 0])
            for page in pages() + pages():
                is_exact(page, cut)
        self.assertNotIn("headcount: ", worker.log())


if __name__ == "__main__":
    unittest.main()
