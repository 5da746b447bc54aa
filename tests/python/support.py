"""What the tests in Python share: processes of their own, children, pages."""

import functools
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Long enough for anything that should happen, on a busy machine.
SOON = 60.0

#: Where tests/run has put peers.
PEERS = Path(sys.prefix).parent
#: The versions of prometheus_client that the bridge stands behind: the installed one, the oldest.
VERSIONS = [None, "0.22.1"]

#: Set in the process that runs one test.
INSIDE = "HEADCOUNT_TEST_INSIDE"


def directory() -> str:
    """A directory that does not exist yet; the test's folder, which has it, is removed."""
    return os.path.join(tempfile.mkdtemp(), "metrics")


def environment(path: str | None, version: str | None = None, **more: str) -> dict[str, str]:
    """The environment of a program that counts in this directory, by a version of the client."""
    variables = dict(os.environ, **more)
    if path is not None:
        variables.setdefault("PROMETHEUS_MULTIPROC_DIR", path)
    if version is not None:
        older = str(PEERS / f"python-client-{version}")
        assert os.path.isdir(older), f"{older} is missing: run tests/run"
        variables["PYTHONPATH"] = older + os.pathsep + variables["PYTHONPATH"]
    return variables


def isolated(method: Callable[..., None]) -> Callable[..., None]:
    """Runs a test in a process of its own, with a directory of its own, once for each version."""

    @functools.wraps(method)
    def test(self: Any) -> None:
        if INSIDE in os.environ:
            return method(self)
        file = sys.modules[type(self).__module__].__file__
        for version in VERSIONS:
            with self.subTest(version=version):
                done = subprocess.run(
                    [sys.executable, file, f"{type(self).__name__}.{method.__name__}"],
                    env=environment(directory(), version, **{INSIDE: "1"}),
                    capture_output=True,
                    text=True,
                    timeout=10 * SOON,
                )
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    return test


def program(
    code: str,
    path: str | None = None,
    version: str | None = None,
    bridge: bool = True,
    arguments: tuple[str, ...] = (),
    **more: str,
) -> "subprocess.CompletedProcess[str]":
    """Runs a program, with the bridge in its first line."""
    lines = ["import headcount.bridge"] if bridge else []
    lines += ["import os, sys, time, threading", "from prometheus_client import *"]
    text = "\n".join(lines) + "\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, *arguments, "-c", text],
        env=environment(path, version, **more),
        capture_output=True,
        text=True,
        timeout=10 * SOON,
    )


def output(code: str, path: str | None = None, **how: Any) -> str:
    """What such a program prints. It must succeed."""
    done = program(code, path, **how)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def child(work: Callable[[], Any]) -> int:
    """Forks a child that does this and exits; returns its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid


def wait(pid: int) -> None:
    """Waits for a child, which must succeed."""
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the child's status is {status}"


def in_child(work: Callable[[], Any]) -> int:
    """Does this in a child, and waits for its end."""
    pid = child(work)
    wait(pid)
    return pid


def samples(page: bytes | str) -> dict[str, float]:
    """The samples of a page in the text format, without those about headcount and processes."""
    text = page.decode() if isinstance(page, bytes) else page
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "headcount_", "process_", "python_")):
            name, value = line.rsplit(" ", 1)
            assert name not in found, f"{name} is shown twice"
            found[name] = float(value)
    return found


def eventually(what: str, condition: Callable[[], Any]) -> Any:
    """What the condition yields as soon as it is true."""
    started = time.monotonic()
    while not (result := condition()):
        assert time.monotonic() - started < SOON, f"not within {SOON} s: {what}"
        time.sleep(0.01)
    return result
