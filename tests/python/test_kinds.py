"""Every kind of metric through the bridge, behind each supported version of prometheus_client."""

import unittest

from support import VERSIONS, directory, output, samples

KINDS = """
    c = Counter('jobs', 'Jobs.', ['queue'])
    c.labels('mail').inc(); c.labels(queue='mail').inc(1.5)
    plain = Counter('my_failures_total', 'F.'); plain.inc()
    g = Gauge('depth', 'D.', multiprocess_mode='livesum'); g.set(5); g.inc(); g.dec(2)
    s = Summary('latency', 'L.', unit='seconds'); s.observe(0.5); s.observe(1)
    h = Histogram('size', 'S.', buckets=(1, 2.5)); h.observe(1); h.observe(2); h.observe(3)
    i = Info('build', 'B.'); i.info({'version': '1', 'os': 'a'}); i.info({'version': '2', 'os': 'b'})
    e = Enum('phase', 'P.', states=['starting', 'running']); e.state('running')
"""

EXPECTED = {
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
}


class Kinds(unittest.TestCase):
    def test_a_page_shows_every_kind(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                page = output(KINDS + "\n    print(generate_latest().decode())", directory(),
                              version=version)
                self.assertEqual(samples(page), EXPECTED)


if __name__ == "__main__":
    unittest.main()
