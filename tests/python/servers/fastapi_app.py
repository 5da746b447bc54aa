"""FastAPI with prometheus-fastapi-instrumentator, and nothing about headcount."""

import os

from fastapi import FastAPI
from prometheus_client import Counter
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI()
hits = Counter("hits", "Requests that were counted before they were answered.")


@app.get("/hit")
async def hit() -> int:
    hits.inc()
    return os.getpid()


Instrumentator(
    should_instrument_requests_inprogress=True, inprogress_labels=True
).instrument(app).expose(app)
