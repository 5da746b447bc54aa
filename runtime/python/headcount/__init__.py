"""Prometheus metrics of programs that run as many processes.

``import headcount.bridge`` as the first line of ``gunicorn.conf.py`` makes ``prometheus_client``
count the workers together, exactly and without the limits of its multiprocess mode. The servers
that have no such file are started by ``python -m headcount COMMAND``.
"""

from headcount._native import health

__all__ = ("health",)
__version__ = "0.1.0"
