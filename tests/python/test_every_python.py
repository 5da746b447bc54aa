"""One library, built for the stable interface of 3.10, in each Python that is found."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import prometheus_client
from support import directory, environment, samples
from traffic import APPS, checked_by_promtool

EXPECTED = {
    'jobs_total{queue="mail"}': 600,
    "depth": 1,
    "peak": 5,
    "latency_seconds_count": 600,
    "latency_seconds_sum": 300,
    'size_bucket{le="1.0"}': 6,
    'size_bucket{le="2.5"}': 12,
    'size_bucket{le="+Inf"}': 12,
    "size_count": 12,
    'build_info{language="Python"}': 1,
}
#: Those of a free-threaded build have another interface, for which the library is not built.
NAMES = [f"python3.{minor}" for minor in range(10, 20)]


def found() -> dict[str, list[str]]:
    """The commands of the Pythons on this machine, by their versions."""
    pythons = {sys.version.split()[0]: [sys.executable]}
    for name in NAMES:
        path = shutil.which(name)
        if path is None:
            continue
        # What pyenv puts into the path runs only the version that was chosen.
        command = ["env", f"PYENV_VERSION={name.removeprefix('python')}", path]
        code = "import sys; print(sys.version.split()[0])"
        done = subprocess.run([*command, "-c", code], capture_output=True, text=True)
        if done.returncode == 0:
            pythons.setdefault(done.stdout.strip(), command)
        else:
            print(f"not tried, since it doesn't start: {path}: {done.stderr.strip()}")
    return pythons


class EveryPython(unittest.TestCase):
    def test_each_python_counts(self):
        # Its client is plain Python: the same for all.
        clients = tempfile.mkdtemp()
        os.symlink(os.path.dirname(prometheus_client.__file__), f"{clients}/prometheus_client")
        pythons = found()
        for version, command in pythons.items():
            with self.subTest(version=version):
                variables = environment(directory())
                variables["PYTHONPATH"] += os.pathsep + clients
                done = subprocess.run(
                    [*command, "-W", "error", APPS / "every_python.py"],
                    env=variables,
                    capture_output=True,
                    text=True,
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                shown = samples(done.stdout)
                # The sum has the durations too.
                self.assertGreater(shown.pop("size_sum"), 12)
                self.assertEqual(shown, EXPECTED)
                checked_by_promtool(done.stdout)
        print("ran in Python", ", ".join(sorted(pythons)))
        self.assertTrue(pythons)


if __name__ == "__main__":
    unittest.main()
