"""A scrape over HTTP, as a client sees it: headcount beside other libraries' servers.

    over_http.py PROGRAMS [--quick]

PROGRAMS is the folder with the programs of this package. Run by tests/peers/run, with a Python that
has prometheus_client.
"""

import gzip
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import scrapes

TICKS = os.sysconf("SC_CLK_TCK")


def serve(directory, values):
    """Serves what the Python client has: of this process, or of all with files in a directory."""
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    if directory:
        MultiProcessCollector(registry, path=directory)
    else:
        scrapes.record(scrapes.declare(registry), values)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    print(f"127.0.0.1:{server.server_port}", flush=True)
    while True:
        time.sleep(3600)


class Exporter:
    """A program that serves, and a connection to it that is kept."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        host, port = self.process.stdout.readline().strip().split(":")
        self.address = (host, int(port))
        self.connection = None

    def connect(self):
        until = time.monotonic() + 60
        while True:
            try:
                self.connection = socket.create_connection(self.address)
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.file = self.connection.makefile("rb", buffering=1 << 20)
                return
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def scrape(self, encoding):
        """Seconds, and the bytes of the body as they were sent."""
        if not self.connection:
            self.connect()
        began = time.perf_counter()
        head = f"GET /metrics HTTP/1.1\r\nHost: me\r\nAccept-Encoding: {encoding}\r\n\r\n"
        self.connection.sendall(head.encode())
        status = self.file.readline()
        assert b" 200 " in status, status
        headers = {}
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
        elif "content-length" in headers:
            body = self.file.read(int(headers["content-length"]))
        else:
            # Python's server speaks HTTP/1.0: the end of the connection is the end of the body.
            body = self.file.read()
        took = time.perf_counter() - began
        if status.startswith(b"HTTP/1.0") or headers.get("connection") == "close":
            self.connection.close()
            self.connection = None
        if headers.get("content-encoding") == "gzip":
            assert b"requests_total" in gzip.decompress(body)
        else:
            assert b"requests_total" in body
        return took, len(body), headers.get("content-encoding", "identity")

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def end(self):
        if self.connection:
            self.connection.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def measure(exporters, times):
    """A scrape of all of them, one after the other."""

    def one(encoding):
        results = [exporter.scrape(encoding) for exporter in exporters]
        seconds, sizes, encodings = zip(*results)
        return sum(seconds), sum(sizes), encodings[0]

    for _ in range(3):
        one("identity")
    before = sum(exporter.cpu() for exporter in exporters)
    plain = [one("identity") for _ in range(times)]
    cpu = (sum(exporter.cpu() for exporter in exporters) - before) / times
    one("gzip")
    packed = [one("gzip") for _ in range(times)]
    seconds = sorted(took for took, _, _ in plain)
    return {
        "median": statistics.median(seconds),
        "p95": seconds[int(len(seconds) * 0.95)],
        "bytes": plain[-1][1],
        "cpu": cpu,
        "packed_median": statistics.median(took for took, _, _ in packed),
        "packed_bytes": packed[-1][1] if packed[-1][2] == "gzip" else None,
        "peak": sum(exporter.peak_mib() for exporter in exporters),
    }


def contenders(programs, processes, values):
    """Name, what it does for several processes, and how its exporters are started."""
    exporter = os.path.join(programs, "exporter")
    directories = os.path.join(programs, "directories")

    def ours(folder):
        subprocess.run(
            [directories, "fill", folder, str(processes), str(values)], check=True
        )
        return [(exporter, "headcount", folder)]

    def python(folder):
        if processes == 1:
            return [(sys.executable, __file__, "serve", "", str(values))]
        scrapes.python(folder, "fill", str(processes), str(values))
        return [(sys.executable, __file__, "serve", folder, str(values))]

    yield "headcount `serve`", "one page", ours
    for library, name in [
        ("prometheus", "`prometheus` + hyper"),
        ("metrics", "`metrics-exporter-prometheus`"),
    ]:
        def each(folder, library=library):
            return [(exporter, library, str(values))] * processes

        yield name, "a page for each", each
    yield "Python's `start_http_server`", "one page", python


def main():
    if sys.argv[1] == "serve":
        return serve(sys.argv[2], int(sys.argv[3]))
    programs, quick = sys.argv[1], "--quick" in sys.argv
    cases = [(1, 100), (2, 100)] if quick else [(1, 1000), (100, 1000)]
    # Connections to 100 exporters.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    rows = []
    for processes, values in cases:
        times = 5 if quick else (200 if processes == 1 else 20)
        for name, how, start in contenders(programs, processes, values):
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                exporters = [Exporter(*arguments) for arguments in start(folder)]
                try:
                    result = measure(exporters, times)
                finally:
                    for exporter in exporters:
                        exporter.end()
            kib = lambda size: "not offered" if size is None else f"{size / 1024:,.0f}"
            rows.append([
                f"{processes} x {values:,}",
                name,
                how if processes > 1 else "",
                f"{result['median'] * 1e3:,.2f}",
                f"{result['p95'] * 1e3:,.2f}",
                f"{result['cpu'] * 1e3:,.2f}",
                kib(result["bytes"]),
                f"{result['packed_median'] * 1e3:,.2f}",
                kib(result["packed_bytes"]),
                f"{result['peak']:,.0f}",
            ])
    print("A scrape of all processes over HTTP, in milliseconds as a client waits for it.\n")
    head = [
        "processes x values", "server", "of several", "median", "p95", "its CPU time", "KiB",
        "with gzip, median", "with gzip, KiB", "peak MiB",
    ]
    print("| " + " | ".join(head) + " |")
    print("| --- | --- | --- |" + " ---: |" * (len(head) - 3))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print("""
A connection is kept where the server allows that. The client is in Python and looks at nothing but
the end of the body. The CPU time is that of the server, user and system, in steps of 10 ms over all
scrapes. Without gzip in the row, the server did not compress though it was asked to.

With 100 processes, headcount and Python's multiprocess mode answer with one page that is the sum of
all. The other two have no such mode: each process has a page, and all of them are scraped one after
the other; their peak is the sum of 100 processes that do nothing but serve.""")


if __name__ == "__main__":
    main()
