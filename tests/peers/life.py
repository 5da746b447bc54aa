"""The first operation in a forked child, with Python's Prometheus client in multiprocess mode.

    life.py SERIES

The parent has so many series. Prints microseconds of CPU time. The program `life` runs it.
"""

import os
import sys
import tempfile
import time


def main():
    series = int(sys.argv[1])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        # It looks at the directory when it is imported.
        from prometheus_client import Counter

        counter, rows = Counter("life", "Counted."), Counter("life_rows", "Rows.", ["row"])
        counter.inc()
        for row in range(series):
            rows.labels(row).inc()
        go, took = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.read(go[0], 1)
            began = time.thread_time()
            counter.inc()
            os.write(took[1], str((time.thread_time() - began) * 1e6).encode())
            os._exit(0)
        os.write(go[1], b".")
        print(os.read(took[0], 100).decode())
        _, status = os.waitpid(child, 0)
        if status != 0:
            sys.exit(f"the child ended with status {status}")


main()
