"""``prometheus_client``'s own tests, of ``headcount``'s classes: see ``yardstick_expected.py``.

    python yardstick.py FOLDER FILE ..

FOLDER has the tests of prometheus_client's source distribution. The module ``prometheus_client`` is
headcount for them. Each test runs in a process of its own, since a segment is a process's, and
families are never removed: their tests declare the same names again and again.

It fails if a test that should pass fails, or one that is known not to passes.
"""

import os
import pickle
import sys
import warnings
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from yardstick_expected import FAILING, UNSTABLE

#: What is prometheus_client's own here: the parts that headcount has no copy of.
THEIRS = ("decorator", "validation", "utils")
OURS = (
    "core",
    "exposition",
    "metrics",
    "metrics_core",
    "openmetrics",
    "openmetrics.exposition",
    "registry",
    "samples",
)


def alias() -> None:
    """Puts headcount into the place of prometheus_client."""
    import importlib

    import headcount.exposition

    for name in THEIRS:
        importlib.import_module(f"prometheus_client.{name}")
    for name in headcount.exposition._PUSHES:
        # These are imported when they are first used.
        getattr(headcount.exposition, name)
    sys.modules["prometheus_client"] = headcount
    for name in OURS:
        module = importlib.import_module(f"headcount.{name}")
        sys.modules[f"prometheus_client.{name}"] = module


class Forked:
    """Runs each test in a child, and notes how it ended."""

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}
        self.passed: set[str] = set()
        self.skipped: set[str] = set()

    def pytest_runtest_protocol(self, item, nextitem):
        name = f"{item.path.name}::{item.nodeid.split('::', 1)[1]}"
        if name in UNSTABLE:
            return True
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            reports = runtestprotocol(item, log=False, nextitem=None)
            found = [(report.outcome, str(report.longrepr or "")) for report in reports]
            with open(writer, "wb") as pipe:
                pickle.dump(found, pipe)
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as pipe:
            written = pipe.read()
        os.waitpid(child, 0)
        found = pickle.loads(written) if written else [("failed", "the process died")]
        outcomes = [outcome for outcome, _ in found]
        if "failed" in outcomes:
            self.failed[name] = "\n".join(text for outcome, text in found if outcome == "failed")
        elif "skipped" in outcomes:
            self.skipped.add(name)
        else:
            self.passed.add(name)
        return True


def main(folder: str, *files: str) -> int:
    warnings.simplefilter("ignore")
    alias()
    forked = Forked()
    paths = [str(Path(folder) / file) for file in files]
    arguments = ["-p", "no:cacheprovider", "-p", "no:terminal", "-W", "ignore", *paths]
    pytest.main(arguments, plugins=[forked])
    wrong = {name: text for name, text in forked.failed.items() if name not in FAILING}
    for name, text in wrong.items():
        print(f"--- {name}\n{text}\n")
    right = sorted(forked.passed & FAILING.keys())
    ran = forked.passed | forked.failed.keys()
    unknown = sorted(
        name for name in FAILING if name.split("::")[0] in files and name not in ran
    )
    for name in wrong:
        print(f"fails: {name}")
    for name in right:
        print(f"passes, and is listed as failing: {name}")
    for name in unknown:
        print(f"is listed, and there is no such test: {name}")
    print(
        f"{' '.join(files)}: {len(forked.passed)} pass, {len(forked.failed)} fail, "
        f"{len(forked.skipped)} are skipped"
    )
    return 1 if wrong or right or unknown or not forked.passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
