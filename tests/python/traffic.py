"""Real servers under load: what clients were answered is compared with what pages show.

A client knows how many requests it has sent and how many were answered by 200. A request that was
cut by the death of a worker may have been counted or not. So while workers are killed, a page that
is asked for must show at least what was answered before, and at most what was sent until then.
While nobody is killed it must show exactly what was answered.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from support import SOON, directory, environment, eventually, samples

APPS = Path(__file__).parent / "servers"
#: gunicorn with the file that imports the bridge and does nothing else.
GUNICORN = ("gunicorn", "--config", "gunicorn.conf.py", "--bind", "127.0.0.1:{port}")
#: Clients that send requests at the same time.
CLIENTS = 8


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body, by a connection of its own, so that any worker may answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def answer(port: int, path: str) -> str | None:
    """The body of an answer 200, or nothing."""
    try:
        status, body = get(port, path)
    except (OSError, http.client.HTTPException):
        return None
    return body if status == 200 else None


class Server:
    """A program that listens, in a directory of its own. It is ended with all its children.

    `bridge` is whether it is started by `python -m headcount`.
    """

    def __init__(
        self,
        *command: str,
        bridge: bool = False,
        end: signal.Signals = signal.SIGTERM,
        **variables: str,
    ) -> None:
        self.port = free_port()
        self.path = directory()
        self._end = end
        self._log = open(os.path.join(os.path.dirname(self.path), "log"), "w+")
        arguments = [part.format(port=self.port) for part in command]
        start = [sys.executable, "-m", "headcount"] if bridge else [sys.executable, "-m"]
        self.process = subprocess.Popen(
            [*start, *arguments],
            # gunicorn has a socket in the home directory.
            env=environment(self.path, HOME=os.path.dirname(self.path), **variables),
            cwd=APPS,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> "Server":
        return self

    def wait_for(self, path: str) -> str:
        """Waits until somebody answers."""

        def answered() -> str | None:
            assert self.process.poll() is None, f"the server has ended:\n{self.log()}"
            return answer(self.port, path)

        return eventually("the server answers", answered)

    def page(self) -> str:
        """The page, from whichever worker. It may be cut where a worker is killed."""
        return eventually("a page comes", lambda: answer(self.port, "/metrics"))

    def log(self) -> str:
        self._log.flush()
        with open(self._log.name) as log:
            return log.read()

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.process.send_signal(self._end)
            self.process.wait(SOON)
        finally:
            if kind is not None:
                print(self.log()[-6000:], file=sys.stderr)
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait(SOON)
            self._log.close()


class Load:
    """Clients that ask again and again for a path whose answer is the pid of the worker."""

    def __init__(self, port: int, path: str = "/hit") -> None:
        self.sent = 0
        self.answered = 0
        self.workers: dict[int, int] = {}
        self._port, self._path = port, path
        self._lock = threading.Lock()
        self._left = 0
        self._threads: list[threading.Thread] = []

    def _client(self) -> None:
        while True:
            with self._lock:
                if self._left <= 0:
                    return
                self._left -= 1
                self.sent += 1
            body = answer(self._port, self._path)
            if body is None:
                continue
            with self._lock:
                self.answered += 1
                pid = int(body)
                self.workers[pid] = self.workers.get(pid, 0) + 1

    def start(self, requests: int) -> None:
        self._left = requests
        self._threads = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        with self._lock:
            self._left = 0
        self.wait()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def send(self, requests: int) -> None:
        """Sends as many requests. All must be answered."""
        lost = self.sent - self.answered
        self.start(requests)
        self.wait()
        assert self.sent - self.answered == lost, "each request is answered while nobody is killed"


def checked_by_promtool(page: str) -> None:
    """Fails if Prometheus would refuse the page. Other people's names may be against its advice."""
    peers = Path(os.environ["HEADCOUNT_PEERS"])
    done = subprocess.run(
        [peers / "promtool", "check", "metrics"], input=page, capture_output=True, text=True
    )
    assert done.returncode in (0, 3), f"{done.stderr}\n{page}"


class Servers(unittest.TestCase):
    """Cases that compare a server's pages with what its clients know."""

    #: The counter that each application increments before it answers `/hit`.
    COUNTER = "hits_total"

    def hold(
        self,
        server: Server,
        library: str,
        *,
        is_counted_late: bool = False,
        gauges: dict[str, float] | None = None,
    ) -> None:
        """Loads the server, kills workers meanwhile, and compares each page.

        `library` is the sample of the library that counts requests of `/hit`. Some count after
        the answer: what they show follows in a moment, and each client's last request may be
        missing when a worker is killed. `gauges` is what gauges show in the end.
        """
        server.wait_for("/hit")
        with Load(server.port) as load:
            load.sent = load.answered = 1
            self._hold(server, load, library, is_counted_late)
        page = server.page()
        checked_by_promtool(page)
        found = samples(page)
        for name, value in (gauges or {}).items():
            self.assertEqual(found[name], value, name)
        # Nothing was left out, and nothing is said that would trouble an operator.
        self.assertNotIn("headcount: ", server.log())

    def _hold(self, server: Server, load: Load, library: str, is_counted_late: bool) -> None:
        floor = 0.0

        def page_of() -> dict[str, float]:
            nonlocal floor
            at_least = load.answered
            found = samples(server.page())
            total = found.get(self.COUNTER, 0)
            self.assertLessEqual(at_least, total)
            self.assertLessEqual(total, load.sent)
            self.assertLessEqual(floor, total)
            floor = total
            return found

        def is_exact(lost: float, lost_late: float) -> bool:
            found = page_of()
            self.assertEqual(found[self.COUNTER], load.answered + lost)
            late = found.get(library, 0)
            self.assertLessEqual(late, load.answered + lost_late)
            if not is_counted_late:
                self.assertEqual(late, load.answered + lost_late)
            return late == load.answered + lost_late

        load.send(300)
        while len(load.workers) < 2:  # the second one may still be starting
            load.send(100)
        eventually("the library has counted all", lambda: is_exact(0, 0))
        for _ in range(10):
            is_exact(0, 0)

        # The numbers of the dead stay, and pages are right all the time. Each worker is killed
        # once: some servers give up if a worker dies soon after it took the place of another.
        victims = set(load.workers)
        load.start(sys.maxsize)
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
            load.workers.clear()
            eventually(
                "two others answer",
                lambda: page_of() and len(set(load.workers) - {victim}) > 1,
            )
        load.stop()

        # What was cut is known now: it stays as it is, and what follows is exact.
        def lost() -> tuple[float, float]:
            found = page_of()
            return found[self.COUNTER] - load.answered, found[library] - load.answered

        if is_counted_late:
            eventually("the library has counted all", lambda: lost()[1] >= -len(victims) * CLIENTS)
        cut, cut_late = lost()
        self.assertLessEqual(0, cut)
        self.assertLessEqual(cut, load.sent - load.answered)
        self.assertLessEqual(-len(victims) * CLIENTS if is_counted_late else 0, cut_late)
        self.assertLessEqual(cut_late, cut)
        load.send(100)
        eventually("the library has counted all", lambda: is_exact(cut, cut_late))
        for _ in range(10):
            is_exact(cut, cut_late)
