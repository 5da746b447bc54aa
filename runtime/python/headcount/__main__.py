"""Starts a program behind whose ``prometheus_client`` headcount counts.

    python -m headcount uvicorn --workers 4 shop:app
    python -m headcount celery -A shop worker

This is for servers that have no configuration file in Python. All processes that the program
starts inherit it, whether they are forked or begin anew: the folder ``_start``, whose
``sitecustomize`` Python imports when it begins, is put first in ``PYTHONPATH``.
"""

import contextlib
import os
import sys


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m headcount COMMAND [ARGUMENT ..]", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    package = os.path.dirname(os.path.abspath(__file__))
    # The package itself may be importable only because of the folder in which this was called.
    folders = [os.path.join(package, "_start"), os.path.dirname(package)]
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders += [folder for folder in known if folder and folder not in folders]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    # Programs that are installed beside this Python, also in a venv that is not active.
    beside = os.path.join(os.path.dirname(sys.executable), arguments[0])
    command = beside if os.sep not in arguments[0] and os.access(beside, os.X_OK) else arguments[0]
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # Whatever a `sitecustomize` has printed would be lost with this program.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    try:
        # A Python in a venv knows that by the path that it is called by.
        os.execvp(command, [command, *arguments[1:]])
    except OSError as error:
        print(f"headcount: {arguments[0]}: {error.strerror}", file=sys.stderr)
        return 127


sys.exit(main(sys.argv[1:]))
