"""The directory and the environment; what is not shared is said; starting by `python -m`."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support import (
    SOON,
    VERSIONS,
    directory,
    environment,
    output,
    program,
    samples,
)

COUNT = """
    c = Counter('c', 'C.'); c.inc()
    if os.fork() == 0:
        c.inc(); os._exit(0)
    os.wait()
    sys.stdout.write(generate_latest().decode())
"""


class Directory(unittest.TestCase):
    def test_each_name_of_the_variable(self):
        for name in ("HEADCOUNT_DIR", "PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
            for version in VERSIONS:
                with self.subTest(name=name, version=version):
                    path = directory()
                    check = (
                        "assert os.environ['PROMETHEUS_MULTIPROC_DIR'] == os.environ[%r]\n" % name
                    )
                    page = output(textwrap.dedent(COUNT) + check, version=version, **{name: path})
                    self.assertEqual(samples(page), {"c_total": 2})
                    files = os.listdir(path)
                    self.assertEqual(len([f for f in files if f.endswith(".hc")]), 2, files)

    def test_the_lower_case_name_is_deprecated(self):
        path = directory()
        code = """
            from prometheus_client.multiprocess import MultiProcessCollector
            MultiProcessCollector(CollectorRegistry()); Counter('c', 'C.').inc()
        """
        done = program(code, arguments=("-W", "default"), prometheus_multiproc_dir=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(
            done.stderr.count("prometheus_multiproc_dir is deprecated"), 1, done.stderr
        )
        done = program(code, path, arguments=("-W", "default"))
        self.assertNotIn("deprecated", done.stderr)

    def test_headcounts_own_name_has_precedence_and_the_difference_is_said(self):
        path, other = directory(), directory()
        done = program(COUNT, HEADCOUNT_DIR=path, PROMETHEUS_MULTIPROC_DIR=other)
        self.assertIn(
            "RuntimeWarning: headcount: HEADCOUNT_DIR and PROMETHEUS_MULTIPROC_DIR differ",
            done.stderr,
        )
        self.assertTrue(os.listdir(path))
        self.assertFalse(os.path.exists(other))

    def test_the_variable_may_be_set_in_python(self):
        path = directory()
        code = f"os.environ['prometheus_multiproc_dir'] = {path!r}\nimport headcount.bridge\n"
        output(code + textwrap.dedent(COUNT), bridge=False)
        self.assertTrue(os.listdir(path))

    def test_a_relative_path_is_that_of_the_start(self):
        folder = tempfile.mkdtemp()
        code = f"os.chdir({folder!r}); os.environ['prometheus_multiproc_dir'] = 'metric'\n"
        code += "import headcount.bridge; os.chdir('/')\n" + textwrap.dedent(COUNT)
        self.assertEqual(samples(output(code, bridge=False)), {"c_total": 2})
        self.assertTrue(os.listdir(os.path.join(folder, "metric")))

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_workers_of_another_user_share_by_their_group(self):
        folder = tempfile.mkdtemp()
        os.chmod(folder, 0o755)
        code = """
            c = Counter('c', 'C.'); c.inc()
            if os.fork() == 0:
                os.setgroups([]); os.setgid(65534); os.setuid(65534)
                c.inc(2)
                import headcount
                os._exit(0 if headcount.health()['is_shared'] else 1)
            assert os.wait()[1] == 0
            sys.stdout.write(generate_latest().decode())
        """
        path = os.path.join(folder, "metrics")
        page = output(code, path, HEADCOUNT_GROUP="65534")
        self.assertEqual(samples(page), {"c_total": 3})
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o2770)

    def test_a_collector_without_a_directory_is_an_error(self):
        code = """
            from prometheus_client.multiprocess import MultiProcessCollector
            registry = CollectorRegistry()
            for path in (None, '/dev/null', '/nonexistent'):
                try:
                    MultiProcessCollector(registry, path)
                except ValueError as error:
                    assert 'PROMETHEUS_MULTIPROC_DIR' in str(error)
                else:
                    raise AssertionError(path)
        """
        output(code)

    def test_without_a_directory_a_process_counts_alone_and_says_so(self):
        done = program("c = Counter('c', 'C.'); c.inc(3)\nprint(generate_latest().decode())")
        self.assertEqual(samples(done.stdout), {"c_total": 3})
        said = done.stderr.count("neither HEADCOUNT_DIR nor PROMETHEUS_MULTIPROC_DIR names")
        self.assertEqual(said, 1, done.stderr)

    def test_a_directory_that_cannot_be_used_is_said_and_counting_goes_on(self):
        for path in ("/proc/nothing/here", "/dev/null/x", __file__):
            with self.subTest(path=path):
                done = program(
                    "c = Counter('c', 'C.'); c.inc(3)\nprint(generate_latest().decode())", path
                )
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(samples(done.stdout), {"c_total": 3})
                self.assertIn(
                    "RuntimeWarning: headcount: what this process counts is not shared", done.stderr
                )

    def test_a_process_that_nobody_scrapes_says_it_when_it_ends(self):
        done = program("Counter('c', 'C.').inc()", "/proc/nothing/here")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("not shared", done.stderr)

    def test_bad_files_are_left_out_and_said(self):
        path = directory()
        os.makedirs(path)
        with open(os.path.join(path, "1-" + "0" * 32 + ".hc"), "w") as file:
            file.write("no segment" * 1000)
        done = program(COUNT, path)
        self.assertEqual(samples(done.stdout), {"c_total": 2})
        self.assertIn("RuntimeWarning: headcount: left out of the page: ", done.stderr)

    def test_the_hook_for_dead_workers_does_no_harm(self):
        path = directory()
        os.makedirs(path)
        for name in ("gauge_livesum_7.db", "gauge_all_7.db", "gauge_liveall_77.db"):
            open(os.path.join(path, name), "w").close()
        code = """
            from prometheus_client import multiprocess
            from prometheus_client.multiprocess import mark_process_dead
            Counter('c', 'C.').inc()
            mark_process_dead(7); mark_process_dead('7'); mark_process_dead(os.getpid())
            multiprocess.mark_process_dead(1, '/nonexistent')
            for wrong in ('*', '7_*', '', '../x', -1, None):
                try:
                    mark_process_dead(wrong)
                except ValueError:
                    continue
                raise AssertionError(wrong)
            print(generate_latest().decode())
        """
        self.assertEqual(samples(output(code, path)), {"c_total": 1})
        left = sorted(name for name in os.listdir(path) if name.endswith(".db"))
        self.assertEqual(left, ["gauge_all_7.db", "gauge_liveall_77.db"])

    def test_a_full_filesystem_kills_nobody(self):
        """A program in multiprocess mode dies of SIGBUS here."""
        path = tempfile.mkdtemp()
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        mount = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size=100k,mode=777,uid={os.geteuid()}",
            "none",
            path,
        ]
        subprocess.run([*as_root, *mount], check=True)
        try:
            code = """
                families = [Counter(f'c{n}', 'C.', ['a']) for n in range(50)]
                for n in range(500):
                    for family in families:
                        family.labels(n).inc()
                g = Gauge('g', 'G.'); g.set(1)
                print(os.fork() == 0 or os.wait()[1])
                families[0].labels('x').inc()
                print(len(generate_latest()))
            """
            done = program(code, path)
            self.assertEqual(done.returncode, 0, f"{done.returncode} {done.stderr}")
            self.assertIn("\n0\n", "\n" + done.stdout)
            self.assertRegex(done.stderr, "RuntimeWarning: headcount: .*(not counted|incomplete)")
        finally:
            subprocess.run([*as_root, "umount", "-l", path], check=True)


SERVER = """
import multiprocessing, os, sys, signal, time
from prometheus_client import Counter, generate_latest
c = Counter("c", "C.", ["how"])

def work(how):
    c.labels(how).inc()
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    for how in ("fork", "spawn", "forkserver"):
        process = multiprocessing.get_context(how).Process(target=work, args=(how,))
        process.start()
        process.join()
    c.labels("main").inc()
    sys.stdout.write(generate_latest().decode())
"""


class Start(unittest.TestCase):
    def start(self, *arguments, version=None, **variables):
        command = [sys.executable, "-m", "headcount", *arguments]
        return subprocess.run(
            command,
            env=environment(directory(), version, **variables),
            capture_output=True,
            text=True,
            timeout=SOON,
        )

    def test_all_processes_of_a_command_count(self):
        folder = tempfile.mkdtemp()
        file = os.path.join(folder, "server.py")
        with open(file, "w") as script:
            script.write(SERVER)
        for version in VERSIONS:
            with self.subTest(version=version):
                done = self.start("python", file, version=version)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(
                    samples(done.stdout),
                    {
                        f'c_total{{how="{how}"}}': 1
                        for how in ("fork", "spawn", "forkserver", "main")
                    },
                )

    def test_what_would_have_been_imported_at_the_start_still_is(self):
        folder = tempfile.mkdtemp()
        with open(os.path.join(folder, "sitecustomize.py"), "w") as file:
            file.write("print('the own one')\n")
        path = folder + os.pathsep + os.environ["PYTHONPATH"]
        code = "import sys; print('headcount' in sys.modules)"
        # What is printed is buffered, whatever this Python was told.
        done = self.start("python", "-c", code, PYTHONPATH=path, PYTHONUNBUFFERED="")
        # By the starter as well, which is a Python like any other.
        self.assertEqual(done.stdout, "the own one\n" * 2 + "False\n", done.stderr)

    def test_what_the_command_says_is_passed_on(self):
        done = self.start("python", "-c", "import sys; sys.exit(7)")
        self.assertEqual(done.returncode, 7)
        done = self.start("no-such-command")
        self.assertEqual(done.returncode, 127)
        self.assertIn("headcount: no-such-command: No such file", done.stderr)
        done = self.start()
        self.assertEqual((done.returncode, done.stderr[:6]), (2, "usage:"))
        self.assertEqual(self.start("--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
