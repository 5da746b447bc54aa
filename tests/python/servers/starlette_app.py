"""Starlette with starlette-exporter, and nothing about headcount."""

import os

from prometheus_client import Counter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette_exporter import PrometheusMiddleware, handle_metrics

hits = Counter("hits", "Requests that were counted before they were answered.")


async def hit(request: Request) -> PlainTextResponse:
    hits.inc()
    return PlainTextResponse(str(os.getpid()))


app = Starlette(routes=[Route("/hit", hit), Route("/metrics", handle_metrics)])
app.add_middleware(PrometheusMiddleware)
