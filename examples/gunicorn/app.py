"""A shop: an ordinary Flask application. Nothing in it knows of headcount."""

import os

import pricing
from flask import Flask, abort, request
from prometheus_client import Counter, Enum, Gauge, Histogram, Info, Summary

from metric import metric_bp

VISITS = Counter("visits_total", "Visits, by page.", ["page"])
LATENCY = Histogram("visit_duration_seconds", "How long a visit takes.")
BASKET = Summary("basket_items", "Items in a basket.")
OPEN = Gauge("open_visits", "Visits that are being answered.", multiprocess_mode="livesum")
WORKERS = Gauge("workers", "Workers that are there.", multiprocess_mode="livesum")
SHOP = Info("shop", "The shop.")
STATE = Enum("till_state", "Whether the till is open.", states=["closed", "open"])


def create_app() -> Flask:
    app = Flask(__name__)
    app.register_blueprint(metric_bp)
    SHOP.info({"owner": "Ada"})
    STATE.state("open")

    @app.route("/")
    @LATENCY.time()
    @OPEN.track_inprogress()
    def home():
        VISITS.labels("home").inc()
        return f"Hello from {os.getpid()}\n"

    @app.route("/shelf/<name>")
    def shelf(name: str):
        VISITS.labels(name).inc()
        return f"The shelf {name}\n"

    @app.route("/price")
    @LATENCY.time()
    def price():
        """Asks the extension in Rust, whose functions count for themselves."""
        quantity = request.args.get("quantity", 1, type=int)
        BASKET.observe(quantity)
        try:
            return f"{pricing.quote(quantity):.2f}\n"
        except ValueError as error:
            abort(400, str(error))

    return app


app = create_app()
