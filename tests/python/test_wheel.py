"""The wheel: what maturin builds, installed into a fresh venv."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

from support import PEERS, VERSIONS, directory, environment, samples

WORKSPACE = Path(__file__).resolve().parents[2]

PROGRAM = """
import headcount.bridge, os, sys
from prometheus_client import Counter, generate_latest
c = Counter("c", "C.", ["a"])
c.labels("x").inc()
if os.fork() == 0:
    c.labels("x").inc(2)
    os._exit(0)
os.wait()
sys.stdout.write(generate_latest().decode())
"""


def pip() -> list[str]:
    """A pip, which some systems have only in a package."""
    wheels = PEERS.glob("python3-pip-whl/root/usr/share/python-wheels/pip-*.whl")
    found = next(iter(wheels), None)
    return [sys.executable, *([f"{found}/pip"] if found else ["-m", "pip"])]


class Wheel(unittest.TestCase):
    def test_a_fresh_venv_counts_with_it(self):
        folder = tempfile.mkdtemp()
        target = os.path.join(os.environ["PYTHONPATH"], "..", "wheel")
        # The tests' library is built so, too. A release is optimized over all crates.
        variables = environment(
            None,
            CARGO_PROFILE_RELEASE_LTO="off",
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS="16",
            CARGO_TARGET_DIR=os.path.realpath(target),
        )
        command = [sys.executable, "-m", "maturin", "build", "--release", "--locked"]
        subprocess.run(
            [*command, "--out", folder],
            cwd=WORKSPACE / "runtime/python",
            env=variables,
            check=True,
        )
        (wheel,) = Path(folder).glob("*.whl")
        self.assertRegex(wheel.name, r"^headcount-0\.1\.0-cp310-abi3-(many)?linux_\w+\.whl$")
        names = set(zipfile.ZipFile(wheel).namelist())
        package = WORKSPACE / "runtime/python/headcount"
        for file in package.rglob("*"):
            if file.suffix in (".py", ".pyi", ".typed"):
                self.assertIn("headcount/" + file.relative_to(package).as_posix(), names)
        self.assertIn("headcount/_native.abi3.so", names)
        metadata = zipfile.ZipFile(wheel).read("headcount-0.1.0.dist-info/METADATA").decode()
        self.assertIn("Requires-Python: >=3.10", metadata)
        self.assertTrue(re.search("^import headcount.bridge$", metadata, re.M), "the README")

        fresh = os.path.join(folder, "venv")
        venv.create(fresh, with_pip=False, symlinks=True)
        python = os.path.join(fresh, "bin", "python")
        install = [*pip(), "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
        subprocess.run([*install, str(wheel)], check=True)
        for version in VERSIONS[1:]:
            path = directory()
            client = str(PEERS / f"python-client-{version}")
            variables = environment(path, PYTHONPATH=client)
            for arguments in (["-c", PROGRAM], ["-m", "headcount", python, "-c", PROGRAM]):
                with self.subTest(version=version, arguments=arguments[0]):
                    done = subprocess.run(
                        [python, *arguments], env=variables, capture_output=True, text=True
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)
                    # Counters go on where the program before has ended.
                    expected = 3.0 if arguments[0] == "-c" else 6.0
                    self.assertEqual(samples(done.stdout), {'c_total{a="x"}': expected})


if __name__ == "__main__":
    unittest.main()
