"""Several processes: the cases of prometheus_client's own test_multiprocess.py with real forks.

There two processes are played by two values in one process; a segment belongs to a process. What is
missing here is about its writer's files: merging without accumulation, and its dictionary of files.
"""

import inspect
import os
import signal
import threading
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
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample
from support import child, eventually, in_child, isolated, samples, wait


def collected() -> CollectorRegistry:
    """A fresh registry that shows all processes."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


class Client(unittest.TestCase):
    """By the names of the tests there."""

    @isolated
    def test_counter_adds(self):
        c = Counter("c", "help", registry=None)
        c.inc(1)
        in_child(lambda: c.inc(2))
        self.assertEqual(collected().get_sample_value("c_total"), 3)

    @isolated
    def test_summary_adds(self):
        s = Summary("s", "help", registry=None)
        s.observe(1)
        in_child(lambda: s.observe(2))
        registry = collected()
        self.assertEqual(registry.get_sample_value("s_count"), 2)
        self.assertEqual(registry.get_sample_value("s_sum"), 3)

    @isolated
    def test_histogram_adds(self):
        h = Histogram("h", "help", registry=None)
        h.observe(1)
        in_child(lambda: h.observe(2))
        registry = collected()
        self.assertEqual(registry.get_sample_value("h_count"), 2)
        self.assertEqual(registry.get_sample_value("h_sum"), 3)
        self.assertEqual(registry.get_sample_value("h_bucket", {"le": "5.0"}), 2)

    def gauge(self, mode: str, dead: float | None, both: float | None):
        """What a gauge of this mode shows with a child alive, and when it is dead."""
        g = Gauge("g", "help", registry=None, multiprocess_mode=mode)
        registry = collected()
        # Only a sum has a value where nobody has set one.
        unset = 0 if "sum" in mode else None
        self.assertEqual(registry.get_sample_value("g"), unset)
        g.set(1)
        told, tell = os.pipe()
        wait_here, end = os.pipe()

        def work():
            g.set(2)
            os.write(tell, b"x")
            os.close(end)
            os.read(wait_here, 1)

        pid = child(work)
        os.read(told, 1)
        self.assertEqual(registry.get_sample_value("g"), both)
        if "all" in mode:
            self.assertEqual(registry.get_sample_value("g", {"pid": str(os.getpid())}), 1)
            self.assertEqual(registry.get_sample_value("g", {"pid": str(pid)}), 2)
        os.close(end)
        wait(pid)
        self.assertEqual(registry.get_sample_value("g"), dead)
        if "all" in mode:
            expected = None if mode == "liveall" else 2
            self.assertEqual(registry.get_sample_value("g", {"pid": str(pid)}), expected)

    @isolated
    def test_gauge_all(self):
        self.gauge("all", None, None)

    @isolated
    def test_gauge_liveall(self):
        self.gauge("liveall", None, None)

    @isolated
    def test_gauge_min(self):
        self.gauge("min", 1, 1)

    @isolated
    def test_gauge_livemin(self):
        self.gauge("livemin", 1, 1)

    @isolated
    def test_gauge_max(self):
        self.gauge("max", 2, 2)

    @isolated
    def test_gauge_livemax(self):
        self.gauge("livemax", 1, 2)

    @isolated
    def test_gauge_sum(self):
        self.gauge("sum", 3, 3)

    @isolated
    def test_gauge_livesum(self):
        self.gauge("livesum", 1, 3)

    @isolated
    def test_gauge_mostrecent(self):
        self.gauge("mostrecent", 2, 2)

    @isolated
    def test_gauge_livemostrecent(self):
        self.gauge("livemostrecent", 1, 2)

    @isolated
    def test_counter_across_forks(self):
        c = Counter("c", "help", registry=None)
        c.inc(1)

        def work():
            self.assertEqual(c._value.get(), 0)
            c.inc(2)
            self.assertEqual(c._value.get(), 2)

        in_child(work)
        self.assertEqual(c._value.get(), 1)
        self.assertEqual(collected().get_sample_value("c_total"), 3)

    @isolated
    def test_initialization_detects_pid_change(self):
        Counter("c1", "help", registry=None).inc(1)

        def work():
            c2 = Counter("c2", "help", registry=None)
            self.assertEqual(c2._value.get(), 0)
            c2.inc(1)
            self.assertEqual(c2._value.get(), 1)

        in_child(work)
        registry = collected()
        self.assertEqual(registry.get_sample_value("c1_total"), 1)
        self.assertEqual(registry.get_sample_value("c2_total"), 1)
        files = [name for name in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])]
        self.assertEqual(len([name for name in files if name.endswith(".hc")]), 2, files)

    @isolated
    def test_collect(self):
        labels = {i: i for i in "abcd"}

        def with_label(key, value):
            return dict(labels, **{key: value})

        c = Counter("c", "help", labelnames=labels.keys(), registry=None)
        g = Gauge("g", "help", labelnames=labels.keys(), registry=None)
        h = Histogram("h", "help", labelnames=labels.keys(), registry=None)
        c.labels(**labels).inc(1)
        g.labels(**labels).set(1)
        h.labels(**labels).observe(1)

        def work():
            c.labels(**labels).inc(1)
            g.labels(**labels).set(1)
            h.labels(**labels).observe(5)

        other = in_child(work)
        metrics = {m.name: m for m in collected().collect()}
        found = [s for s in metrics["c"].samples if s.name == "c_total"]
        self.assertEqual(found, [Sample("c_total", labels, 2.0)])
        found = sorted(metrics["g"].samples, key=lambda s: s.labels["pid"] == str(other))
        own = str(os.getpid())
        self.assertEqual(
            found,
            [
                Sample("g", with_label("pid", own), 1.0),
                Sample("g", with_label("pid", str(other)), 1.0),
            ],
        )
        buckets = {s.labels.get("le"): s.value for s in metrics["h"].samples if "_b" in s.name}
        for le, count in {"0.005": 0, "0.75": 0, "1.0": 1, "2.5": 1, "5.0": 2, "+Inf": 2}.items():
            self.assertEqual(buckets[le], count)
        self.assertIn(Sample("h_count", labels, 2.0), metrics["h"].samples)
        self.assertIn(Sample("h_sum", labels, 6.0), metrics["h"].samples)

    @isolated
    def test_collect_histogram_ordering(self):
        h = Histogram("h", "help", labelnames=["view"], buckets=(1, 5), registry=None)
        h.labels(view="view1").observe(1)

        def work():
            h.labels(view="view1").observe(5)
            h.labels(view="view2").observe(1)

        in_child(work)
        metrics = {m.name: m for m in collected().collect()}
        found = [s for s in metrics["h"].samples if not s.name.endswith("_created")]
        self.assertEqual(
            found,
            [
                Sample("h_sum", {"view": "view1"}, 6.0),
                Sample("h_bucket", {"view": "view1", "le": "1.0"}, 1.0),
                Sample("h_bucket", {"view": "view1", "le": "5.0"}, 2.0),
                Sample("h_bucket", {"view": "view1", "le": "+Inf"}, 2.0),
                Sample("h_count", {"view": "view1"}, 2.0),
                Sample("h_sum", {"view": "view2"}, 1.0),
                Sample("h_bucket", {"view": "view2", "le": "1.0"}, 1.0),
                Sample("h_bucket", {"view": "view2", "le": "5.0"}, 1.0),
                Sample("h_bucket", {"view": "view2", "le": "+Inf"}, 1.0),
                Sample("h_count", {"view": "view2"}, 1.0),
            ],
        )

    @isolated
    def test_collect_preserves_help(self):
        Counter("c", "c help", registry=None).inc(1)
        Gauge("g", "g help", registry=None).set(1)
        Histogram("h", "h help", registry=None).observe(1)
        metrics = {m.name: m for m in collected().collect()}
        helps = [metrics[name].documentation for name in "cgh"]
        self.assertEqual(helps, ["c help", "g help", "h help"])

    @isolated
    def test_restrict(self):
        # An argument that versions before 0.23 do not have, and that nobody needs here.
        known = inspect.signature(CollectorRegistry.__init__.__wrapped__).parameters
        argument = "support_collectors_without_names"
        for name, arguments in ("c", {argument: True} if argument in known else {}), ("d", {}):
            registry = CollectorRegistry(**arguments)
            MultiProcessCollector(registry)
            c = Counter(name, "help", registry=None)
            c.inc(1)
            in_child(lambda: c.inc(2))
            Counter(name + "_other", "help", registry=None).inc()
            restricted = registry.restricted_registry([f"{name}_total"])
            found = [(m.name, m.samples) for m in restricted.collect()]
            self.assertEqual(found, [(name, [Sample(f"{name}_total", {}, 3.0)])])
            text = generate_latest(registry.restricted_registry([f"{name}_total"])).decode()
            self.assertEqual(text.splitlines()[-1], f"{name}_total 3.0")

    @isolated
    def test_child_name_is_built_once_with_namespace_subsystem_unit(self):
        class CustomCounter(Counter):
            def __init__(
                self,
                name,
                documentation,
                labelnames=(),
                namespace="my_ns",
                subsystem="my_sub",
                unit="seconds",
                **kwargs,
            ):
                super().__init__(
                    name,
                    documentation,
                    labelnames,
                    namespace=namespace,
                    subsystem=subsystem,
                    unit=unit,
                    **kwargs,
                )

        c = CustomCounter("m", "help", ["status"], registry=None)
        c.labels("200").inc()
        expected = "my_ns_my_sub_m_seconds_total"
        self.assertEqual(collected().get_sample_value(expected, {"status": "200"}), 1)

    @isolated
    def test_child_preserves_parent_context_for_subclasses(self):
        class Context(Counter):
            def __init__(
                self,
                name,
                documentation,
                labelnames=(),
                namespace="",
                subsystem="",
                unit="",
                **kwargs,
            ):
                self.context = (namespace, subsystem, unit)
                super().__init__(
                    name,
                    documentation,
                    labelnames,
                    namespace=namespace,
                    subsystem=subsystem,
                    unit=unit,
                    **kwargs,
                )

        parent = Context(
            "m", "help", ["status"], namespace="ns", subsystem="sub", unit="seconds", registry=None
        )
        self.assertEqual(parent.labels("200").context, parent.context)


class Processes(unittest.TestCase):
    @isolated
    def test_every_count_of_killed_processes_is_kept(self):
        c, h = Counter("c", "C.", ["who"]), Histogram("h", "H.", buckets=(1,))
        told, tell = os.pipe()

        def work():
            mine = c.labels("child")
            for _ in range(1000):
                mine.inc()
                h.observe(0.25)
            os.write(tell, b"x")
            while True:
                time.sleep(1)

        children = [child(work) for _ in range(4)]
        for _ in children:
            os.read(told, 1)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        shown = samples(generate_latest())
        self.assertEqual(shown['c_total{who="child"}'], 4000)
        self.assertEqual((shown["h_count"], shown["h_sum"]), (4000, 1000))

    @isolated
    def test_live_gauges_of_a_killed_process_are_gone(self):
        busy = Gauge("busy", "B.", multiprocess_mode="livesum")
        Info("worker", "W.")
        told, tell = os.pipe()

        def work():
            with busy.track_inprogress():
                os.write(tell, b"x")
                time.sleep(600)

        pid = child(work)
        os.read(told, 1)
        self.assertEqual(samples(generate_latest())["busy"], 1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.assertEqual(samples(generate_latest()).get("busy", 0), 0)

    @isolated
    def test_threads_that_count_while_others_fork(self):
        c, others = Counter("c", "C.", ["who"]), Counter("others", "O.", ["n"])
        h = Histogram("h", "H.", buckets=(1,))
        stop = threading.Event()
        done = [0] * 4

        def count(nth):
            while not stop.is_set():
                c.labels("thread").inc()
                others.labels(str(done[nth] % 500)).inc()
                h.observe(0.5)
                done[nth] += 1

        def work(nth):
            c.labels("child").inc()
            c.labels(f"n{nth % 5}").inc()
            Counter(f"new_{nth}", "N.", ["a"]).labels("x").inc()
            h.observe(0.5)
            generate_latest()

        threads = [threading.Thread(target=count, args=(nth,)) for nth in range(4)]
        for thread in threads:
            thread.start()
        for nth in range(60):
            pid = child(lambda: work(nth))

            def ended():
                found, status = os.waitpid(pid, os.WNOHANG)
                self.assertEqual(status, 0)
                return found == pid

            eventually("the child ends", ended)
        stop.set()
        for thread in threads:
            thread.join()
        shown = samples(generate_latest())
        self.assertEqual(shown['c_total{who="thread"}'], sum(done))
        self.assertEqual(shown['c_total{who="child"}'], 60)
        self.assertEqual(shown["h_count"], sum(done) + 60)
        counted = sum(value for name, value in shown.items() if name.startswith("others_total"))
        self.assertEqual(counted, sum(done))
        self.assertEqual(sum(name.startswith("new_") for name in shown), 60)

    @isolated
    def test_a_thread_that_collects_does_not_hold_up_others(self):
        c = Counter("c", "C.", ["n"])
        for n in range(5000):
            c.labels(n).inc()
        stop = threading.Event()

        def collect():
            while not stop.is_set():
                generate_latest()

        threads = [threading.Thread(target=collect) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            in_child(lambda: c.labels("child").inc())
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(samples(generate_latest())['c_total{n="child"}'], 20)

    @isolated
    def test_functions_are_called_in_children_too(self):
        own = os.getpid()
        g = Gauge("g", "G.", multiprocess_mode="all")
        g.set_function(lambda: 1 if os.getpid() == own else 2)
        wait_here, end = os.pipe()

        def work():
            os.close(end)
            os.read(wait_here, 1)

        pid = child(work)

        def shown():
            return samples(generate_latest()).get(f'g{{pid="{pid}"}}') == 2

        eventually("the child's function is called", shown)
        self.assertEqual(samples(generate_latest())[f'g{{pid="{own}"}}'], 1)
        os.close(end)
        wait(pid)

    @isolated
    def test_a_fork_while_a_function_runs(self):
        # It never ends, as one that waits for a lock that another thread holds.
        stuck, called = threading.Event(), threading.Event()

        def function():
            if threading.current_thread() is not threading.main_thread():
                called.set()
                stuck.wait()
            return 1

        Gauge("g", "G.").set_function(function)
        called.wait()
        c = Counter("c", "C.")
        started = time.monotonic()
        for _ in range(20):
            in_child(c.inc)
        self.assertLess(time.monotonic() - started, 60)
        self.assertEqual(samples(generate_latest())["c_total"], 20)
        stuck.set()

    @isolated
    def test_a_master_that_declares_makes_no_file(self):
        c, g = Counter("c", "C."), Gauge("g", "G.", multiprocess_mode="all")
        Histogram("h", "H.", ["a"])
        Info("i", "I.")
        path = os.environ["PROMETHEUS_MULTIPROC_DIR"]
        self.assertEqual(os.listdir(path), [])
        pid = in_child(lambda: (c.inc(), g.set(1)))
        self.assertEqual(samples(generate_latest()), {"c_total": 1, f'g{{pid="{pid}"}}': 1})

    @isolated
    def test_states_and_infos_of_processes(self):
        phase = Enum("phase", "P.", states=["starting", "running"])
        counted = Enum("counted", "C.", states=["off", "on"], multiprocess_mode="livesum")
        info = Info("worker", "W.")
        wait_here, end = os.pipe()
        told, tell = os.pipe()

        def work(n):
            phase.state("running")
            counted.state("on")
            info.info({"n": str(n)})
            os.write(tell, b"x")
            os.close(end)
            os.read(wait_here, 1)

        children = [child(lambda: work(n)) for n in range(3)]
        for _ in children:
            os.read(told, 1)
        shown = samples(generate_latest())
        self.assertEqual(shown['phase{phase="starting"}'], 1)
        self.assertEqual(shown['phase{phase="running"}'], 1)
        self.assertEqual(shown['counted{counted="off"}'], 1)
        self.assertEqual(shown['counted{counted="on"}'], 3)
        self.assertEqual(
            [f'worker_info{{n="{n}"}}' in shown for n in range(4)], [True] * 3 + [False]
        )
        os.close(end)
        for pid in children:
            wait(pid)
        self.assertEqual(samples(generate_latest())['phase{phase="running"}'], 0)

    @isolated
    def test_locks_of_registries_that_are_held_at_a_fork(self):
        held, go = threading.Event(), threading.Event()

        def hold():
            with REGISTRY._lock:
                held.set()
                go.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        pid = child(lambda: (Counter("c", "C.").inc(), generate_latest()))
        go.set()
        thread.join()
        wait(pid)
        self.assertEqual(samples(generate_latest())["c_total"], 1)


if __name__ == "__main__":
    unittest.main()
