"""What the bridge relies on in prometheus_client, pinned for each version that it stands behind."""

import unittest

import headcount.bridge  # noqa: F401
from prometheus_client import CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from support import VERSIONS, isolated, output, samples


class Versions(unittest.TestCase):
    def test_histograms_make_their_values_in_this_order(self):
        code = """
            made = []
            from prometheus_client import values
            class Recorded(values.MutexValue):
                def __init__(self, typ, metric_name, name, labelnames, labelvalues, *more, **kw):
                    super().__init__(typ, metric_name, name, labelnames, labelvalues, *more, **kw)
                    made.append((typ, name, dict(zip(labelnames, labelvalues))))
            values.ValueClass = Recorded
            Histogram('h', 'H.', ['a'], buckets=(1, 2)).labels('x')
            Summary('s', 'S.')
            assert made == [
                ('histogram', 'h_sum', {'a': 'x'}),
                ('histogram', 'h_bucket', {'a': 'x', 'le': '1.0'}),
                ('histogram', 'h_bucket', {'a': 'x', 'le': '2.0'}),
                ('histogram', 'h_bucket', {'a': 'x', 'le': '+Inf'}),
                ('summary', 's_count', {}),
                ('summary', 's_sum', {}),
            ], made
        """
        for version in VERSIONS:
            with self.subTest(version=version):
                output(code, version=version, bridge=False)

    @isolated
    def test_values_that_others_make_count(self):
        """In that order: code that makes values by the class, as prometheus_client did."""
        self.assertTrue(values.ValueClass._multiprocess)
        make = values.ValueClass
        sum_ = make("histogram", "h", "h_sum", ("a",), ("x",), "H.")
        buckets = [
            make("histogram", "h", "h_bucket", ("a", "le"), ("x", le), "H.")
            for le in ("1.0", "2.0", "+Inf")
        ]
        self.assertEqual([bucket.get() for bucket in buckets], [0, 0, 0])
        sum_.inc(1.5)
        buckets[1].inc(1)
        count, total = (make("summary", "s", "s" + end, (), (), "S.") for end in ("_count", "_sum"))
        count.inc(1)
        total.inc(2)
        counter = make("counter", "c", "c_total", ("a",), ("x",), "C.")
        counter.inc(3)
        gauge = make("gauge", "g", "g", (), (), "G.", multiprocess_mode="max")
        gauge.set(4)
        gauge.inc(1)
        self.assertEqual((sum_.get(), [bucket.get() for bucket in buckets]), (1.5, [0, 1, 0]))
        self.assertEqual((count.get(), total.get(), counter.get(), gauge.get()), (1, 2, 3, 5))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        self.assertEqual(
            samples(generate_latest(registry)),
            {
                'h_bucket{a="x",le="1.0"}': 0,
                'h_bucket{a="x",le="2.0"}': 1,
                'h_bucket{a="x",le="+Inf"}': 1,
                'h_sum{a="x"}': 1.5,
                'h_count{a="x"}': 1,
                "s_count": 1,
                "s_sum": 2,
                'c_total{a="x"}': 3,
                "g": 5,
            },
        )
        with self.assertRaises(ValueError):
            make("histogram", "h2", "h2_bucket", ("le",), ("1.0",), "H.")

    def test_every_method_that_the_bridge_replaces_is_there(self):
        code = """
            import inspect
            from prometheus_client import metrics, registry
            for name in ('__init__', 'labels', 'remove', 'clear', 'collect'):
                assert name in vars(metrics.MetricWrapperBase), name
            arguments = list(inspect.signature(metrics.MetricWrapperBase.__init__).parameters)
            assert arguments == ['self', 'name', 'documentation', 'labelnames', 'namespace',
                'subsystem', 'unit', 'registry', '_labelvalues'], arguments
            arguments = list(inspect.signature(metrics.Enum.__init__).parameters)
            assert arguments[7:] == ['registry', '_labelvalues', 'states'], arguments
            for cls in (Counter, Gauge, Summary, Histogram, Info, Enum):
                assert '_metric_init' in vars(cls), cls
            r = CollectorRegistry()
            assert r._collector_to_names == {} and r._names_to_collectors == {} and r._lock
            assert {'collect', '__init__'} <= set(vars(registry.RestrictedRegistry))
        """
        for version in VERSIONS:
            with self.subTest(version=version):
                output(code, version=version, bridge=False)


if __name__ == "__main__":
    unittest.main()
