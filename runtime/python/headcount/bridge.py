"""Makes ``prometheus_client`` count in headcount's segments.

Import it before anything that imports ``prometheus_client``, as the first line of
``gunicorn.conf.py``. From then on ``prometheus_client`` works as it is, and its pages show the sums
over all processes:

* its values are in a file of the process, in the directory that ``HEADCOUNT_DIR`` or
  ``PROMETHEUS_MULTIPROC_DIR`` names, which is created;
* its registries are views: each shows its own metrics, of all processes;
* nothing else changes: names, labels, errors, decorators, servers, pushes.

``README.md`` lists the differences.
"""

from headcount._bridge import adopt, environment

environment.prepare()

# Before the libraries on top of prometheus_client, which import some of these names.
from headcount._bridge import (
    asynchronous,
    exposition,
    metrics,
    multiprocess,
    registry,
    values,
)

for _part in (values, metrics, registry, multiprocess, exposition, asynchronous, adopt):
    _part.install()

__all__ = ()
