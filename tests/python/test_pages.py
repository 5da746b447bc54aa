"""Pages: servers, applications, files, formats; and what imports `generate_latest` before."""

import asyncio
import gzip
import io
import os
import unittest
import urllib.request

import headcount.bridge  # noqa: F401
import prometheus_client
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    make_asgi_app,
    make_wsgi_app,
    start_http_server,
    write_to_textfile,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from support import VERSIONS, directory, in_child, isolated, output, samples


def counted() -> None:
    """Two processes count."""
    c, h = Counter("c", "C.", ["a"]), Histogram("h", "H.", buckets=(1,))

    def work():
        c.labels("x").inc(2)
        h.observe(0.5)

    work()
    in_child(work)


EXPECTED = {
    'c_total{a="x"}': 4,
    'h_bucket{le="1.0"}': 2,
    'h_bucket{le="+Inf"}': 2,
    "h_sum": 1,
    "h_count": 2,
}


class Pages(unittest.TestCase):
    @isolated
    def test_the_http_server(self):
        counted()
        started = start_http_server(0, "127.0.0.1")
        if started is None:
            self.skipTest("this version does not say which port it listens at")
        server, _ = started
        address = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(address) as answer:
            self.assertEqual(samples(answer.read()), EXPECTED)
        with urllib.request.urlopen(f"{address}?name[]=c_total") as answer:
            self.assertEqual(samples(answer.read()), {'c_total{a="x"}': 4})
        headers = {
            "Accept": "application/openmetrics-text; version=1.0.0",
            "Accept-Encoding": "gzip",
        }
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            self.assertIn("application/openmetrics-text", answer.headers["Content-Type"])
            text = gzip.decompress(answer.read()).decode()
        families = {family.name: family for family in read_openmetrics(text)}
        self.assertEqual(families["c"].samples[0].value, 4)

    @isolated
    def test_the_wsgi_application(self):
        counted()
        said = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "wsgi.input": io.BytesIO(),
        }
        body = make_wsgi_app()(environ, lambda status, headers: said.append((status, headers)))
        self.assertEqual(said[0][0], "200 OK")
        self.assertEqual(samples(b"".join(body)), EXPECTED)

    @isolated
    def test_the_asgi_application(self):
        counted()
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        scope = {"type": "http", "query_string": b"", "headers": []}
        asyncio.run(make_asgi_app()(scope, receive, send))
        self.assertEqual(sent[0]["status"], 200)
        self.assertEqual(samples(sent[1]["body"]), EXPECTED)

    @isolated
    def test_a_file_for_node_exporter(self):
        counted()
        path = os.path.join(os.environ["PROMETHEUS_MULTIPROC_DIR"], "x.prom")
        write_to_textfile(path, REGISTRY)
        with open(path) as file:
            self.assertEqual(samples(file.read()), EXPECTED)
        os.remove(path)

    @isolated
    def test_bytes_from_rust_say_what_the_objects_say(self):
        counted()
        Gauge("g", "G.", ["b", "a"], multiprocess_mode="all").labels("y", "x").set(1.5)
        prometheus_client.Info("i", "I.").info({"v": "1"})
        prometheus_client.Enum("e", "E.", states=["a", "b"]).state("b")
        prometheus_client.Summary("s", "S.").observe(0.1)
        prometheus_client.disable_created_metrics()

        def flat(families):
            return {
                (s.name, *sorted(s.labels.items())): s.value
                for family in families
                for s in family.samples
                if not family.name.startswith(("headcount_", "process_"))
            }

        objects = flat(REGISTRY.collect())
        self.assertEqual(flat(read_text(generate_latest().decode())), objects)
        text = openmetrics.generate_latest(REGISTRY).decode()
        self.assertEqual(flat(read_openmetrics(text)), objects)
        types = {family.name: family.type for family in read_openmetrics(text)}
        self.assertEqual(types["i"], "info")

    @isolated
    def test_a_registry_with_a_target(self):
        counted()
        REGISTRY.set_target_info({"service": "shop"})
        shown = samples(generate_latest())
        self.assertEqual(shown.pop('target_info{service="shop"}'), 1)
        self.assertEqual(shown, EXPECTED)

    @isolated
    def test_other_directories_are_collected(self):
        counted()
        elsewhere = directory()
        output("c = Counter('there', 'T.'); c.inc(3)", None, PROMETHEUS_MULTIPROC_DIR=elsewhere)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, elsewhere)
        self.assertEqual(samples(generate_latest(registry)), {"there_total": 3})
        MultiProcessCollector(registry)
        self.assertEqual(samples(generate_latest(registry)), {"there_total": 3, **EXPECTED})

    @isolated
    def test_a_page_of_many_series(self):
        c = Counter("c", "C.", ["a"])
        for n in range(9999):
            c.labels(n).inc()
        self.assertEqual(len(samples(generate_latest())), 9999)
        for n in range(10):
            c.labels(f"more {n}").inc()
        shown = samples(generate_latest())
        self.assertEqual(shown['c_total{a="_other"}'], 9)
        self.assertEqual(sum(shown.values()), 10_009)


class ImportOrder(unittest.TestCase):
    def test_a_name_that_was_imported_before_the_bridge(self):
        code = """
            from prometheus_client import generate_latest as early
            from prometheus_client.exposition import generate_latest as early_too
            import headcount.bridge
            import prometheus_client
            late = Counter('late', 'L.'); late.inc(2)
            if os.fork() == 0:
                late.inc(3); os._exit(0)
            os.wait()
            new = prometheus_client.generate_latest
            for page in early(), early_too(), generate_latest(), new():
                assert 'late_total 5.0' in page.decode(), page
            early(CollectorRegistry())
        """
        for version in VERSIONS:
            with self.subTest(version=version):
                output(code, directory(), version=version, bridge=False)

    def test_metrics_that_were_made_before_the_bridge_count_behind_it(self):
        code = """
            os.makedirs(os.environ['PROMETHEUS_MULTIPROC_DIR'])
            early, labelled = Counter('early', 'E.'), Counter('labelled', 'L.', ['a'])
            early.inc(2); labelled.labels('x').inc(4)
            g = Gauge('g', 'G.', multiprocess_mode='max'); g.set(7)
            private = Gauge('private', 'P.', registry=CollectorRegistry(), multiprocess_mode='max')
            i, e = Info('i', 'I.'), Enum('e', 'E.', states=['a', 'b'])
            i.info({'v': '1'}); e.state('b')
            h = Histogram('h', 'H.', ['a']); h.labels('x').observe(2)
            several = Gauge('several', 'S.', multiprocess_mode='sum'); several.set(5)
            kept = labelled.labels('x')
            import warnings
            warnings.simplefilter('error', RuntimeWarning)
            import headcount.bridge
            if os.fork() == 0:
                early.inc(); kept.inc(); labelled.labels('y').inc(); h.labels('x').observe(1)
                private.set(3); os._exit(0)
            os.wait()
            sys.stdout.write(generate_latest().decode())
        """
        expected = {
            "early_total": 3,
            'labelled_total{a="x"}': 5,
            'labelled_total{a="y"}': 1,
            "g": 7,
            "several": 5,
            'i_info{v="1"}': 1,
            'e{e="a"}': 0,
            'e{e="b"}': 1,
            'h_count{a="x"}': 2,
            'h_sum{a="x"}': 3,
        }
        for version in VERSIONS:
            with self.subTest(version=version):
                page = output(code, directory(), version=version, bridge=False)
                shown = samples(page)
                self.assertEqual({k: v for k, v in shown.items() if "_bucket" not in k}, expected)


if __name__ == "__main__":
    unittest.main()
