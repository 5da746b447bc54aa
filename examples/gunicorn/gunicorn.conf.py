import headcount.bridge  # noqa: F401  the only line that is new, and the first one

import glob
import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = 2


def post_worker_init(worker):
    """In each worker, after it has the application: with ``--preload`` the master has it too."""
    import app

    app.WORKERS.set_function(lambda: 1)


def child_exit(server, worker):
    """headcount needs no such hook; it may stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """Removes the files of ``prometheus_client``, of which there are none any more."""
    directory = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    for file in glob.glob(os.path.join(directory, "*.db")):
        os.remove(file)
