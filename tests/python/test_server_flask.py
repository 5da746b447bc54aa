"""prometheus-flask-exporter under gunicorn, with each kind of worker, and under uWSGI."""

import signal
import sys
import unittest
from importlib.util import find_spec

from traffic import GUNICORN, Server, Servers

# Its options are as in a file: it is told the venv since it is Python itself.
UWSGI = (
    "uwsgi", "--http-socket", "127.0.0.1:{port}", "--master", "--die-on-term", "--processes", "3",
    "--virtualenv", sys.prefix, "--module", "flask_app:app",
)  # fmt: skip
LIBRARY = 'flask_http_request_duration_seconds_count{method="GET",path="/hit",status="200"}'


class Flask(Servers):
    def held(self, *arguments: str) -> None:
        with Server(*GUNICORN, *arguments, "flask_app:app") as server:
            self.hold(server, LIBRARY, gauges={"in_progress": 0})

    def test_sync_workers(self):
        self.held("--workers", "3")

    def test_a_preloaded_application(self):
        self.held("--workers", "3", "--preload")

    def test_workers_with_threads(self):
        self.held("--workers", "2", "--worker-class", "gthread", "--threads", "4")

    def test_gevent(self):
        self.held("--workers", "2", "--worker-class", "gevent")

    def uwsgi(self, *arguments: str) -> None:
        if find_spec("uwsgidecorators") is None:
            self.skipTest("there is no uWSGI: it must be compiled")
        # It doesn't always end by SIGTERM while a worker starts, with and without headcount.
        with Server(*UWSGI, *arguments, bridge=True, end=signal.SIGKILL) as server:
            self.hold(server, LIBRARY, gauges={"in_progress": 0})

    def test_uwsgi_that_forks_the_application(self):
        self.uwsgi()

    def test_uwsgi_that_loads_the_application_in_each_process(self):
        self.uwsgi("--lazy-apps")

    def test_uwsgi_with_threads(self):
        self.uwsgi("--enable-threads", "--threads", "2")


if __name__ == "__main__":
    unittest.main()
