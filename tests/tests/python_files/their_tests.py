"""Runs prometheus_client's own tests of its multiprocess mode, with the reader under test in the
place of its collector.

Usage: their_tests.py READER TESTS
"""

import glob
import json
import os
import subprocess
import sys
import unittest

from prometheus_client import multiprocess
from prometheus_client.metrics_core import Metric

reader, tests = sys.argv[1:]
merged = 0


class Collector(multiprocess.MultiProcessCollector):
    """Its constructor stays: which directory it takes, and what it refuses."""

    @staticmethod
    def merge(files, accumulate=True):
        global merged
        merged += 1
        how = "accumulated" if accumulate else "as-they-are"
        output = subprocess.run([reader, how, *files], stdout=subprocess.PIPE, check=True).stdout
        output = json.loads(output)
        if output["skipped"]:
            raise ValueError(output["skipped"])
        families = []
        for family in output["families"]:
            metric = Metric(family["name"], family["help"], family["type"])
            for name, labels, value in family["samples"]:
                metric.add_sample(name, dict(labels), float(value))
            families.append(metric)
        return families

    def collect(self):
        return self.merge(sorted(glob.glob(os.path.join(self._path, "*.db"))))


def refused(*_):
    raise AssertionError("the client's own reader was called")


multiprocess.MultiProcessCollector._read_metrics = staticmethod(refused)
multiprocess.MultiProcessCollector = Collector

suite = unittest.defaultTestLoader.discover(tests, "test_multiprocess.py")
result = unittest.TextTestRunner(stream=sys.stdout).run(suite)
skipped = len(result.skipped)
print(f"ran {result.testsRun}, skipped {skipped}, merged {merged} times")
sys.exit(not result.wasSuccessful())
