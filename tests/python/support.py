"""What the tests in Python share: programs in processes of their own, and their pages."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

#: Long enough for anything that should happen, on a busy machine.
SOON = 60.0

#: The versions of prometheus_client that the bridge stands behind: the installed one, and others.
PEERS = Path(sys.prefix).parent
OLDER = sorted(folder.name.rsplit("-", 1)[1] for folder in PEERS.glob("python-client-*.*"))
VERSIONS = [None, *OLDER]


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
        variables["PYTHONPATH"] = older + os.pathsep + variables["PYTHONPATH"]
    return variables


def program(
    code: str,
    path: str | None = None,
    version: str | None = None,
    bridge: bool = True,
    arguments: tuple[str, ...] = (),
    **more: str,
) -> subprocess.CompletedProcess[str]:
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


def output(code: str, path: str | None = None, **how: object) -> str:
    """What such a program prints. It must succeed."""
    done = program(code, path, **how)  # type: ignore[arg-type]
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def samples(page: str) -> dict[str, float]:
    """The samples of a page in the text format, without those about headcount and processes."""
    found = {}
    for line in page.splitlines():
        if line and not line.startswith(("#", "headcount_", "process_", "python_")):
            name, value = line.rsplit(" ", 1)
            assert name not in found, f"{name} is shown twice"
            found[name] = float(value)
    return found


def eventually(what: str, condition):
    """What the condition yields as soon as it is true."""
    started = time.monotonic()
    while not (result := condition()):
        assert time.monotonic() - started < SOON, f"not within {SOON} s: {what}"
        time.sleep(0.01)
    return result
