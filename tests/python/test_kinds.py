"""Every kind of metric and each of its methods, behind each supported prometheus_client."""

import asyncio
import inspect
import time
import unittest

import headcount.bridge  # noqa: F401
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics
from support import isolated, samples


def page() -> dict[str, float]:
    return samples(generate_latest())


class Kinds(unittest.TestCase):
    @isolated
    def test_a_page_shows_every_kind(self):
        jobs = Counter("jobs", "Jobs.", ["queue"])
        jobs.labels("mail").inc()
        jobs.labels(queue="mail").inc(1.5)
        Counter("my_failures_total", "F.").inc()
        depth = Gauge("depth", "D.", multiprocess_mode="livesum")
        depth.set(5)
        depth.inc()
        depth.dec(2)
        latency = Summary("latency", "L.", unit="seconds")
        latency.observe(0.5)
        latency.observe(1)
        size = Histogram("size", "S.", buckets=(1, 2.5))
        for value in (1, 2, 3):
            size.observe(value)
        build = Info("build", "B.")
        build.info({"version": "1", "os": "a"})
        build.info({"version": "2", "os": "b"})
        Enum("phase", "P.", states=["starting", "running"]).state("running")
        self.assertEqual(
            page(),
            {
                'jobs_total{queue="mail"}': 2.5,
                "my_failures_total": 1,
                "depth": 4,
                "latency_seconds_count": 2,
                "latency_seconds_sum": 1.5,
                'size_bucket{le="1.0"}': 1,
                'size_bucket{le="2.5"}': 2,
                'size_bucket{le="+Inf"}': 3,
                "size_count": 3,
                "size_sum": 6,
                'build_info{os="b",version="2"}': 1,
                'phase{phase="running"}': 1,
                'phase{phase="starting"}': 0,
            },
        )

    @isolated
    def test_lines_are_written_as_prometheus_client_writes_them(self):
        Counter("c", "Two\nlines.", ["a"]).labels('q"\\\n').inc(1234567)
        Histogram("h", "H.", buckets=(1e6,)).observe(0.25)
        text = generate_latest().decode()
        for line in [
            "# HELP c_total Two\\nlines.\n# TYPE c_total counter\n",
            'c_total{a="q\\"\\\\\\n"} 1.234567e+06\n',
            'h_bucket{le="1e+06"} 1.0\nh_bucket{le="+Inf"} 1.0\nh_sum 0.25\nh_count 1.0\n',
        ]:
            self.assertIn(line, text)

    @isolated
    def test_the_ten_modes_of_gauges(self):
        modes = ["min", "max", "sum", "mostrecent"]
        for mode in modes + ["live" + mode for mode in modes]:
            Gauge(mode, "G.", multiprocess_mode=mode).set(3)
        for mode in ["all", "liveall"]:
            Gauge(mode, "G.", multiprocess_mode=mode).set(3)
        import os

        shown = page()
        self.assertEqual(len(shown), 10)
        self.assertEqual(set(shown.values()), {3})
        self.assertIn(f'all{{pid="{os.getpid()}"}}', shown)
        self.assertIn(f'liveall{{pid="{os.getpid()}"}}', shown)
        with self.assertRaisesRegex(ValueError, "Invalid multiprocess mode"):
            Gauge("wrong", "G.", multiprocess_mode="mean")
        recent = Gauge("recent", "G.", multiprocess_mode="mostrecent")
        for method in (recent.inc, recent.dec):
            with self.assertRaisesRegex(RuntimeError, "mostrecent"):
                method()

    @isolated
    def test_decorators_and_blocks_of_functions(self):
        failed, kinds = Counter("failed", "F."), Counter("kinds", "K.")
        running = Gauge("running", "R.", multiprocess_mode="livesum")
        took = Histogram("took", "T.", ["how"], buckets=(10,))
        last = Gauge("last", "L.", multiprocess_mode="max")
        summed = Summary("summed", "S.")

        @failed.count_exceptions()
        @kinds.count_exceptions(KeyError)
        @running.track_inprogress()
        @took.labels("call").time()
        @last.time()
        @summed.time()
        def work(a, b=1, *, c=None):
            """Works."""
            self.assertEqual(page()["running"], 1)
            raise KeyError(a)

        for _ in range(2):
            with self.assertRaises(KeyError):
                work(1)
        self.assertEqual(str(inspect.signature(work)), "(a, b=1, *, c=None)")
        self.assertEqual((work.__name__, work.__doc__), ("work", "Works."))
        with (
            self.assertRaises(ValueError),
            failed.count_exceptions(),
            kinds.count_exceptions(OSError),
        ):
            raise ValueError
        with took.time() as timer:
            timer.labels("late")
        # Versions before 0.23 do not have it.
        self.assertGreaterEqual(getattr(timer, "duration", 0), 0)
        shown = page()
        self.assertEqual((shown["failed_total"], shown["kinds_total"], shown["running"]), (3, 2, 0))
        self.assertEqual(shown['took_count{how="call"}'], 2)
        self.assertEqual(shown['took_count{how="late"}'], 1)
        self.assertEqual(shown["summed_count"], 2)
        self.assertGreater(shown["last"], 0)

    @isolated
    def test_async_functions_are_measured_as_a_whole(self):
        took, failed = Histogram("took", "T.", buckets=(0.01, 10)), Counter("failed", "F.")
        running = Gauge("running", "R.", multiprocess_mode="livesum")

        @failed.count_exceptions()
        @running.track_inprogress()
        @took.time()
        async def work(fails):
            """Works."""
            await asyncio.sleep(0.02)
            self.assertGreaterEqual(page()["running"], 1)
            if fails:
                raise OSError

        async def several():
            return await asyncio.gather(
                work(False), work(True), work(False), return_exceptions=True
            )

        self.assertTrue(inspect.iscoroutinefunction(work))
        self.assertEqual(str(inspect.signature(work)), "(fails)")
        self.assertIsInstance(asyncio.run(several())[1], OSError)
        shown = page()
        self.assertEqual((shown["failed_total"], shown["running"], shown["took_count"]), (1, 0, 3))
        self.assertEqual(shown['took_bucket{le="0.01"}'], 0)
        self.assertGreater(shown["took_sum"], 0.06)

        async def cancelled():
            task = asyncio.ensure_future(work(False))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(cancelled())
        self.assertEqual((page()["running"], page()["took_count"]), (0, 4))

    @isolated
    def test_labels(self):
        jobs = Counter("jobs", "J.", ["a", "b"])
        self.assertIs(jobs.labels("x", 1), jobs.labels(b=1, a="x"))
        jobs.labels("x", 1).inc()
        jobs.labels("ü\U0001f600", "\ud800").inc()
        self.assertEqual(
            page(), {'jobs_total{a="x",b="1"}': 1, 'jobs_total{a="ü😀",b="\ufffd"}': 1}
        )
        for call in (
            lambda: jobs.labels("x"),
            lambda: jobs.labels(a="x"),
            lambda: jobs.labels("x", b="y"),
            lambda: jobs.labels("x", "y").labels("z", "z"),
            lambda: Counter("plain", "P.").labels("x"),
            lambda: jobs.inc(),
            lambda: jobs.count_exceptions(),
        ):
            with self.assertRaises(ValueError):
                call()

    @isolated
    def test_series_are_removed(self):
        jobs = Counter("jobs", "J.", ["queue", "user"])
        for queue in "ab":
            for user in "xyz":
                jobs.labels(queue, user).inc()
        kept = jobs.labels("a", "x")
        jobs.remove("a", "x")
        jobs.remove("a", "x")
        kept.inc()
        self.assertEqual(len(page()), 5)
        if hasattr(jobs, "remove_by_labels"):
            jobs.remove_by_labels({"queue": "a"})
        self.assertEqual(len(page()), 3)
        jobs.labels("a", "x").inc(7)
        self.assertEqual(page()['jobs_total{queue="a",user="x"}'], 7)
        jobs.clear()
        self.assertEqual(page(), {})
        jobs.labels("b", "x").inc(2)
        self.assertEqual(page(), {'jobs_total{queue="b",user="x"}': 2})
        for call in (
            lambda: jobs.remove("a"),
            lambda: jobs.remove_by_labels({"none": "a"}),
            lambda: Counter("plain", "P.").remove("a"),
        ):
            with self.assertRaises(ValueError):
                call()
        with self.assertRaises(TypeError):
            jobs.remove_by_labels("a")

    @isolated
    def test_info_and_enum_have_labels_too(self):
        info = Info("build", "B.", ["part"])
        info.labels("web").info({"version": "1"})
        info.labels("db").info({"version": "7", "kind": "x"})
        info.labels("web").info({"version": "2"})
        phase = Enum("phase", "P.", ["part"], states=["off", "on"])
        phase.labels("web").state("on")
        phase.labels("db")
        self.assertEqual(
            page(),
            {
                'build_info{part="web",version="2"}': 1,
                'build_info{kind="x",part="db",version="7"}': 1,
                'phase{part="web",phase="off"}': 0,
                'phase{part="web",phase="on"}': 1,
                'phase{part="db",phase="off"}': 1,
                'phase{part="db",phase="on"}': 0,
            },
        )
        info.remove("db")
        phase.clear()
        self.assertEqual(page(), {'build_info{part="web",version="2"}': 1})
        for call in (
            lambda: info.labels("web").info({"part": "x"}),
            lambda: info.labels("web").info({"a": None}),
            lambda: info.info({"a": "x"}),
            lambda: phase.labels("web").state("gone"),
            lambda: Enum("empty", "E.", states=[]),
            lambda: Enum("same", "E.", ["same"], states=["a"]),
            lambda: Info("with_unit", "I.", unit="bytes"),
        ):
            with self.assertRaises(ValueError):
                call()

    @isolated
    def test_units_are_shown(self):
        Counter("sent", "S.", unit="bytes").inc()
        Gauge("age", "A.", namespace="shop", subsystem="cart", unit="seconds").set(1)
        text = openmetrics.generate_latest(REGISTRY).decode()
        self.assertIn("# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n", text)
        self.assertIn("# UNIT shop_cart_age_seconds seconds\n", text)
        self.assertTrue(text.endswith("# EOF\n"))
        units = {metric.name: metric.unit for metric in REGISTRY.collect()}
        self.assertEqual(
            (units["sent_bytes"], units["shop_cart_age_seconds"]), ("bytes", "seconds")
        )

    @isolated
    def test_created_times(self):
        import prometheus_client

        before = time.time()
        Counter("c", "C.", ["a"]).labels("x").inc()
        Summary("s", "S.").observe(1)
        Histogram("h", "H.").observe(1)
        for name, labels in (("c", {"a": "x"}), ("s", {}), ("h", {})):
            created = REGISTRY.get_sample_value(f"{name}_created", labels)
            self.assertAlmostEqual(created, before, delta=60)
        prometheus_client.disable_created_metrics()
        self.assertIsNone(REGISTRY.get_sample_value("s_created"))
        prometheus_client.enable_created_metrics()

    @isolated
    def test_sample_values_are_those_of_the_page(self):
        registry = CollectorRegistry()
        c = Counter("c", "C.", ["a"], registry=registry)
        c.labels("x").inc(2)
        Histogram("h", "H.", registry=registry).observe(0.3)
        self.assertEqual(registry.get_sample_value("c_total", {"a": "x"}), 2)
        self.assertEqual(registry.get_sample_value("h_bucket", {"le": "0.5"}), 1)
        self.assertEqual(registry.get_sample_value("h_sum"), 0.3)
        self.assertIsNone(registry.get_sample_value("c_total", {"a": "y"}))

    @isolated
    def test_own_values_are_read(self):
        c, g = Counter("c", "C."), Gauge("g", "G.")
        h, s = Histogram("h", "H.", buckets=(1, 2)), Summary("s", "S.")
        self.assertEqual((c._value.get(), g._value.get(), h._sum.get(), s._count.get()), (0,) * 4)
        c.inc(1.5)
        g.set(7)
        g.dec(0.5)
        for value in (0.5, 1.5, 1.5, 9):
            h.observe(value)
        s.observe(3)
        self.assertEqual((c._value.get(), g._value.get()), (1.5, 6.5))
        self.assertEqual((h._sum.get(), [b.get() for b in h._buckets]), (12.5, [1, 2, 1]))
        self.assertEqual((s._sum.get(), s._count.get()), (3, 1))

    @isolated
    def test_functions_give_gauges_their_values(self):
        things = [1]
        objects = Gauge("objects", "O.", multiprocess_mode="livesum")
        objects.set_function(lambda: len(things))
        self.assertEqual(page()["objects"], 1)
        things.append(2)
        self.assertEqual(page()["objects"], 2)
        self.assertEqual(objects._value.get(), 2)
        objects.set(50)
        objects.inc()
        self.assertEqual(page()["objects"], 2)
        objects.set_function(lambda: 9)
        self.assertEqual(page()["objects"], 9)
        labelled = Gauge("labelled", "L.", ["a"], multiprocess_mode="max")
        labelled.labels("x").set_function(lambda: 4)
        self.assertEqual(page()['labelled{a="x"}'], 4)
        labelled.remove("x")
        self.assertNotIn('labelled{a="x"}', page())

    @isolated
    def test_a_function_that_fails_costs_its_own_value_only(self):
        Gauge("bad", "B.").set_function(lambda: 1 / 0)
        Gauge("good", "G.", multiprocess_mode="max").set_function(lambda: 1)
        with self.assertWarnsRegex(RuntimeWarning, "the function of bad failed.*ZeroDivisionError"):
            self.assertEqual(page(), {"good": 1})

    @isolated
    def test_what_prometheus_client_refuses_is_refused_alike(self):
        Counter("c", "C.")
        declarations = [
            lambda: Counter("c", "C."),
            lambda: Gauge("c_total", "G."),
            lambda: Histogram("h", "H.", ["le"]),
            lambda: Summary("s", "S.", ["quantile"]),
            lambda: Counter("c2", "C.", ["__a"]),
            lambda: Counter("", "C."),
            lambda: Histogram("h", "H.", buckets=(2, 1)),
            lambda: Histogram("h", "H.", buckets=()),
            lambda: Histogram("h", "H.", buckets=(float("nan"), 1)),
        ]
        for nth, declare in enumerate(declarations):
            with self.subTest(nth=nth), self.assertRaises(ValueError):
                declare()
        with self.assertRaises(ValueError):
            Counter("c3", "C.").inc(-1)
        for call in (lambda: Gauge("g1", "G.").set("x"), lambda: Gauge("g2", "G.").inc(None)):
            with self.assertRaises((ValueError, TypeError)):
                call()

    @isolated
    def test_what_no_page_can_show_is_a_value_error(self):
        declarations = [
            lambda: Counter("a b", "C."),
            lambda: Counter("headcount_a", "C."),
            lambda: Counter("twice", "C.", ["a", "a"]),
            lambda: Counter("many", "C.", [f"l{n}" for n in range(61)]),
            lambda: Gauge("same", "G.", registry=None) and Summary("same", "S.", registry=None),
            lambda: Gauge("n" * 1025, "G."),
            lambda: Histogram("h", "H.", buckets=[float(n) for n in range(2000)]),
        ]
        before = set(REGISTRY._collector_to_names)
        for nth, declare in enumerate(declarations):
            with self.subTest(nth=nth), self.assertRaises(ValueError):
                declare()
        self.assertEqual(set(REGISTRY._collector_to_names), before, "nothing stays registered")

    @isolated
    def test_names_may_be_any_text(self):
        Counter("http.requests", "R.", ["http.method"]).labels("get").inc()
        self.assertEqual(page(), {'http_requests_total{http_method="get"}': 1})
        self.assertEqual(
            REGISTRY.get_sample_value("http.requests_total", {"http.method": "get"}), 1
        )
        quoted = generate_latest(REGISTRY, "allow-utf-8").decode()
        self.assertIn('{"http.requests_total","http.method"="get"} 1.0\n', quoted)

    @isolated
    def test_numbers_at_the_edge(self):
        inf, nan = float("inf"), float("nan")
        g = Gauge("g", "G.", ["v"], multiprocess_mode="max")
        for value in (inf, -inf, nan, 10**30, True):
            g.labels(value).set(value)
        shown = page()
        self.assertEqual(shown['g{v="inf"}'], inf)
        self.assertEqual(shown['g{v="-inf"}'], -inf)
        self.assertNotEqual(shown['g{v="nan"}'], shown['g{v="nan"}'])
        self.assertEqual(shown['g{v="' + str(10**30) + '"}'], 1e30)
        self.assertEqual(shown['g{v="True"}'], 1)
        counter = Counter("c", "C.")
        histogram = Histogram("h", "H.", buckets=(1,))
        with self.assertWarnsRegex(RuntimeWarning, "3 operations of this process were not counted"):
            counter.inc(inf)
            counter.inc(nan)
            histogram.observe(nan)
            self.assertEqual((page()["c_total"], page()["h_count"], page()["h_sum"]), (0, 0, 0))

    @isolated
    def test_exemplars_are_ids_of_traces_and_spans(self):
        c, h = Counter("c", "C."), Histogram("h", "H.", buckets=(1,))
        ids = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
        c.inc(1, ids)
        c.inc(exemplar=ids)
        h.observe(0.5, ids)
        h.observe(3, exemplar=dict(ids, trace_id="4bf92f3577b34da6a3ce929d0e0e4736"))
        for name, labels, value, trace in (
            ("c_total", {}, 1, ids["trace_id"]),
            ("h_bucket", {"le": "1.0"}, 0.5, ids["trace_id"]),
            ("h_bucket", {"le": "+Inf"}, 3, "4bf92f3577b34da6a3ce929d0e0e4736"),
        ):
            found = [
                sample.exemplar
                for family in REGISTRY.collect()
                for sample in family.samples
                if (sample.name, sample.labels) == (name, labels)
            ]
            self.assertEqual(found[0].labels, dict(ids, trace_id=trace))
            self.assertEqual(found[0].value, value)
            self.assertAlmostEqual(found[0].timestamp, time.time(), delta=60)
        page_of_openmetrics = openmetrics.generate_latest(REGISTRY).decode()
        self.assertIn(f'c_total 2.0 # {{trace_id="{ids["trace_id"]}"', page_of_openmetrics)
        for wrong in ({"user": "ada"}, {"trace_id": "zz"}, {"span_id": ids["span_id"]}):
            with self.assertRaises(ValueError):
                c.inc(1, wrong)
            with self.assertRaises(ValueError):
                h.observe(0.5, wrong)
        # As in prometheus_client, the event is counted before its exemplar is looked at.
        self.assertEqual((page()["c_total"], page()["h_count"]), (5, 5))

    @isolated
    def test_subclasses_keep_their_methods(self):
        class Twice(Counter):
            def inc(self, amount=1, exemplar=None):
                super().inc(2 * amount, exemplar)

        class Named(Gauge):
            def __init__(self, name, *args, **kwargs):
                super().__init__(
                    "named_" + name if "_labelvalues" not in kwargs else name, *args, **kwargs
                )

        twice = Twice("twice", "T.", ["a"])
        twice.labels("x").inc(3)
        self.assertIs(type(twice.labels("x")), Twice)
        named = Named("g", "G.", ["a"], multiprocess_mode="sum")
        named.labels("x").set(1)
        self.assertEqual(page(), {'twice_total{a="x"}': 6, 'named_g{a="x"}': 1})


if __name__ == "__main__":
    unittest.main()
