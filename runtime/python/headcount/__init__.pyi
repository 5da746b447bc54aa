"""The types of what ``headcount`` has; some of it is imported when it is first used."""

from headcount import core as core
from headcount import exposition as exposition
from headcount import metrics as metrics
from headcount import metrics_core as metrics_core
from headcount import multiprocess as multiprocess
from headcount import registry as registry
from headcount import samples as samples
from headcount._native import Counter as Counter
from headcount._native import Enum as Enum
from headcount._native import Gauge as Gauge
from headcount._native import Histogram as Histogram
from headcount._native import Info as Info
from headcount._native import Summary as Summary
from headcount._native import health as health
from headcount.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_LATEST
from headcount.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE_PLAIN_0_0_4
from headcount.exposition import CONTENT_TYPE_PLAIN_1_0_0 as CONTENT_TYPE_PLAIN_1_0_0
from headcount.exposition import MetricsHandler as MetricsHandler
from headcount.exposition import delete_from_gateway as delete_from_gateway
from headcount.exposition import generate_latest as generate_latest
from headcount.exposition import instance_ip_grouping_key as instance_ip_grouping_key
from headcount.exposition import make_asgi_app as make_asgi_app
from headcount.exposition import make_wsgi_app as make_wsgi_app
from headcount.exposition import push_to_gateway as push_to_gateway
from headcount.exposition import pushadd_to_gateway as pushadd_to_gateway
from headcount.exposition import start_http_server as start_http_server
from headcount.exposition import start_wsgi_server as start_wsgi_server
from headcount.exposition import write_to_textfile as write_to_textfile
from headcount.metrics import disable_created_metrics as disable_created_metrics
from headcount.metrics import enable_created_metrics as enable_created_metrics
from headcount.metrics_core import Metric as Metric
from headcount.registry import REGISTRY as REGISTRY
from headcount.registry import CollectorRegistry as CollectorRegistry

__version__: str
