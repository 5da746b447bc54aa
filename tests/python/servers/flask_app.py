"""Flask with prometheus-flask-exporter, and nothing about headcount."""

import os
import time

from flask import Flask
from prometheus_client import Counter, Gauge
from prometheus_flask_exporter.multiprocess import GunicornInternalPrometheusMetrics

app = Flask(__name__)
metrics = GunicornInternalPrometheusMetrics(app)
hits = Counter("hits", "Requests that were counted before they were answered.")
in_progress = Gauge("in_progress", "Requests being handled.", multiprocess_mode="livesum")


@app.route("/hit")
@in_progress.track_inprogress()
def hit() -> str:
    hits.inc()
    time.sleep(0.001)  # other threads and greenlets go on
    return str(os.getpid())
