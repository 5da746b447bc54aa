"""The page, as it is written for ``prometheus_client``."""

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest, multiprocess

metric_bp = Blueprint("metric", __name__, url_prefix="/metric")


@metric_bp.route("", methods=["GET", "POST"])
def metric():
    multiprocess.MultiProcessCollector(REGISTRY)
    data = generate_latest(REGISTRY)
    return Response(data, content_type=CONTENT_TYPE_LATEST)
