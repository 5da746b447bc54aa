"""The directory that the environment names: it is created, and told to other libraries."""

import os
import warnings

from headcount import _native
from headcount._bridge import warn

HEADCOUNT = "HEADCOUNT_DIR"
UPPER = "PROMETHEUS_MULTIPROC_DIR"
LOWER = "prometheus_multiproc_dir"
#: The group of workers that are not the master's user.
GROUP = "HEADCOUNT_GROUP"


def chosen() -> str | None:
    """The directory that the environment names."""
    return next(
        (path for name in (HEADCOUNT, UPPER, LOWER) if (path := os.environ.get(name))), None
    )


def prepare() -> None:
    """Creates the directory.

    The libraries on top of ``prometheus_client`` choose what is right for many processes by its
    variable, and some of them fail where it names no directory.
    """
    directory = chosen()
    if directory is None:
        warn.once(
            f"neither {HEADCOUNT} nor {UPPER} names a directory, so each process shows its own "
            "numbers only",
        )
        return
    if LOWER in os.environ and UPPER not in os.environ:
        warnings.warn(
            f"the name {LOWER} is deprecated: use {UPPER}", DeprecationWarning, stacklevel=3
        )
    elif os.environ.get(UPPER, directory) != directory:
        warn.once(f"{HEADCOUNT} and {UPPER} differ: {directory} is used")
    # Servers change to other directories.
    directory = os.path.abspath(directory)
    os.environ[UPPER] = directory
    if HEADCOUNT in os.environ:
        os.environ[HEADCOUNT] = directory
    try:
        if os.environ.get(GROUP):
            # headcount makes one for the group, and this process keeps it open for its children,
            # which may be other users.
            _native.init(directory)
        else:
            os.makedirs(directory, mode=0o700, exist_ok=True)
    except OSError as error:
        warn.once(f"the directory {directory} can't be used: {error}")
