"""A Celery application whose tasks count, and nothing about headcount.

Its broker is a folder. A worker may see a message that is not written to its end, so whoever sends
writes it elsewhere, and renames it. With `EXPORTER_PORT`, the process that started the pool shows
the page.
"""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready
from prometheus_client import Counter, Gauge, Histogram, start_http_server

folder = Path(os.environ["BROKER_FOLDER"])
for name in ("sent", "messages", "control"):
    (folder / name).mkdir(exist_ok=True)

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(folder / "messages"),
    "data_folder_out": str(folder / "sent"),
    "control_folder": str(folder / "control"),
    "polling_interval": 0.01,
}
app.conf.broker_connection_retry_on_startup = True

begun = Counter("begun", "Tasks that were begun.", ["kind"])
ended = Counter("ended", "Tasks that were ended.", ["kind"])
sizes = Histogram("size", "Sizes of tasks.", buckets=(10, 100))
running = Gauge("running", "Tasks that run.", multiprocess_mode="livesum")


@app.task
def work(size: int, path: str) -> None:
    """Makes a link that says which process did it."""
    with running.track_inprogress():
        begun.labels("work").inc()
        sizes.observe(size)
        ended.labels("work").inc()
    os.symlink(str(os.getpid()), path)


@app.task
def wait(path: str) -> None:
    """Makes a link that says which process waits, for ever."""
    with running.track_inprogress():
        begun.labels("wait").inc()
        os.symlink(str(os.getpid()), path)
        while True:
            time.sleep(60)


def deliver() -> None:
    """Delivers what was sent."""
    for message in sorted((folder / "sent").iterdir()):
        message.rename(folder / "messages" / message.name)


if "EXPORTER_PORT" in os.environ:

    @worker_ready.connect
    def serve(**_: Any) -> None:
        start_http_server(int(os.environ["EXPORTER_PORT"]), "127.0.0.1")
