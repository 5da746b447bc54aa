"""The limits of multiprocess mode that its documentation lists: each is gone, one test for each."""

import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

import headcount.bridge  # noqa: F401
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    generate_latest,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics
from support import in_child, isolated, samples


class Limits(unittest.TestCase):
    @isolated
    def test_registries_are_used_as_normal(self):
        """Registries can not be used as normal, all instantiated metrics are exported."""
        one, other = CollectorRegistry(), CollectorRegistry()
        a = Counter("a", "A.", registry=one)
        b = Counter("b", "B.", registry=other)
        nowhere = Counter("nowhere", "N.", registry=None)
        default = Counter("default", "D.")

        def work():
            for counter in (a, b, nowhere, default):
                counter.inc()

        work()
        in_child(work)
        self.assertEqual(samples(generate_latest(one)), {"a_total": 2})
        self.assertEqual(samples(generate_latest(other)), {"b_total": 2})
        self.assertEqual(samples(generate_latest()), {"default_total": 2})
        self.assertEqual([m.name for m in one.collect()], ["a"])
        one.unregister(a)
        self.assertEqual(samples(generate_latest(one)), {})
        # Who asks for all gets all.
        everything = CollectorRegistry()
        MultiProcessCollector(everything)
        shown = {"a_total": 2, "b_total": 2, "nowhere_total": 2, "default_total": 2}
        self.assertEqual(samples(generate_latest(everything)), shown)

    @isolated
    def test_metrics_of_other_processes_are_shown(self):
        in_child(lambda: Counter("only_there", "O.").inc())
        self.assertEqual(samples(generate_latest()), {"only_there_total": 1})

    @isolated
    def test_the_collector_may_be_registered_in_the_default_registry(self):
        """Each request of the article that this comes from does it, and fails with an error 500."""
        c = Counter("c", "C.")
        c.inc()
        for _ in range(3):
            MultiProcessCollector(REGISTRY)
            self.assertEqual(samples(generate_latest(REGISTRY)), {"c_total": 1})
        Counter("later", "L.").inc()
        self.assertEqual(samples(generate_latest(REGISTRY)), {"c_total": 1, "later_total": 1})

    @isolated
    def test_custom_collectors_work(self):
        """Custom collectors do not work (e.g. cpu and memory metrics)."""

        class Custom:
            def collect(self):
                yield GaugeMetricFamily("custom", "C.", value=7)
                clash = CounterMetricFamily("mine", "M.", labels=["a"])
                clash.add_metric(["x"], 1)
                yield clash

        in_child(lambda: Counter("mine", "M.").inc(5))
        fresh = CollectorRegistry()
        MultiProcessCollector(fresh)
        for registry in (REGISTRY, fresh):
            registry.register(Custom())
            with self.subTest(registry=registry):
                shown = samples(generate_latest(registry))
                # Of two families with one name, the processes' is shown.
                self.assertEqual(shown, {"custom": 7, "mine_total": 5})
                self.assertEqual(registry.get_sample_value("custom"), 7)

    @isolated
    def test_cpu_and_memory_are_those_of_all_processes(self):
        def number(name):
            return REGISTRY.get_sample_value(name)

        c = Counter("c", "C.")
        c.inc()
        alone = number("process_resident_memory_bytes")
        self.assertGreater(alone, 1e6)
        both = []

        def work():
            c.inc()
            both.append(number("process_resident_memory_bytes"))
            self.assertGreater(both[0], 1.2 * alone)
            self.assertGreater(number("process_open_fds"), 3)

        in_child(work)
        self.assertGreater(number("process_cpu_seconds_total"), 0)
        text = generate_latest().decode()
        self.assertEqual(text.count("# TYPE process_cpu_seconds_total counter"), 1)

    @isolated
    def test_info_and_enum_work(self):
        """Info and Enum metrics do not work."""
        info, phase = Info("build", "B."), Enum("phase", "P.", states=["a", "b"])
        in_child(lambda: (info.info({"v": "1"}), phase.state("b")))
        self.assertEqual(samples(generate_latest()), {'phase{phase="a"}': 1, 'phase{phase="b"}': 0})
        info.info({"v": "2"})
        self.assertEqual(samples(generate_latest())['build_info{v="2"}'], 1)

    @isolated
    def test_the_pushgateway_gets_what_all_processes_counted(self):
        """The pushgateway cannot be used."""
        received = []

        class Gateway(BaseHTTPRequestHandler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((self.command, self.path, body))
                self.send_response(200)
                self.end_headers()

            do_POST = do_PUT

            def log_message(self, *args):
                pass

        server = HTTPServer(("127.0.0.1", 0), Gateway)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        registry = CollectorRegistry()
        done = Gauge("done", "D.", registry=registry, multiprocess_mode="sum")
        Counter("other", "O.").inc()
        in_child(lambda: done.set(3))
        done.set(4)
        push_to_gateway(address, job="batch", registry=registry)
        pushadd_to_gateway(address, job="batch", registry=registry)
        for (method, path, body), expected in zip(received, ["PUT", "POST"]):
            self.assertEqual((method, path), (expected, "/metrics/job/batch"))
            self.assertEqual(samples(body), {"done": 7})
        self.assertEqual(len(received), 2)

    @isolated
    def test_gauges_use_the_label_pid(self):
        """Gauges cannot use the pid label."""
        for mode in ("all", "livesum", "max", "livemostrecent"):
            g = Gauge(f"g_{mode}", "G.", ["pid", "a"], multiprocess_mode=mode)
            g.labels("17", "x").set(4)
        Counter("c", "C.", ["pid"]).labels("18").inc()
        self.assertEqual(
            samples(generate_latest()),
            {
                'g_all{a="x",pid="17"}': 4,
                'g_livesum{a="x",pid="17"}': 4,
                'g_max{a="x",pid="17"}': 4,
                'g_livemostrecent{a="x",pid="17"}': 4,
                'c_total{pid="18"}': 1,
            },
        )

    @isolated
    def test_gauges_of_callbacks_and_units(self):
        """Not listed, and true as well: set_function is silently 0, and units are lost."""
        Gauge("g", "G.", unit="bytes", multiprocess_mode="max").set_function(lambda: 5)
        text = openmetrics.generate_latest(REGISTRY).decode()
        self.assertIn("# UNIT g_bytes bytes\n", text)
        self.assertIn("\ng_bytes 5.0\n", text)

    @isolated
    def test_series_are_removed_without_a_warning(self):
        """Not listed: remove and clear warn, and do nothing."""
        import warnings

        c = Counter("c", "C.", ["a"])
        c.labels("x").inc()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            c.remove("x")
            c.clear()
        self.assertEqual(samples(generate_latest()), {})

    @isolated
    def test_exemplars_are_accepted(self):
        """Exemplars are not supported in multiprocess mode."""
        ids = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
        Counter("c", "C.").inc(1, exemplar=ids)
        Histogram("h", "H.").observe(0.3, exemplar=ids)
        self.assertEqual(REGISTRY.get_sample_value("c_total"), 1)


if __name__ == "__main__":
    unittest.main()
