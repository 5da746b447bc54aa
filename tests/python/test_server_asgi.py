"""FastAPI and Starlette with their exporters, under servers without a configuration in Python."""

import unittest

from traffic import Server, Servers

UVICORN = ("uvicorn", "--port", "{port}", "--workers", "2", "--log-level", "warning")
GRANIAN = (
    "granian", "--interface", "asgi", "--port", "{port}", "--workers", "2",
    "--respawn-failed-workers", "--respawn-interval", "0.1",
)  # fmt: skip

class Asgi(Servers):
    def fastapi(self, *command: str) -> None:
        with Server(*command, "fastapi_app:app", bridge=True) as server:
            self.hold(
                server,
                'http_requests_total{handler="/hit",method="GET",status="2xx"}',
                is_counted_late=True,
                # None, whoever was killed.
                gauges={'http_requests_inprogress{handler="/hit",method="GET"}': 0},
            )

    def starlette(self, *command: str) -> None:
        labels = 'app_name="starlette",method="GET"'
        with Server(*command, "starlette_app:app", bridge=True) as server:
            self.hold(
                server,
                f'starlette_requests_total{{{labels},path="/hit",status_code="200"}}',
                is_counted_late=True,
                # The one for the page.
                gauges={f"starlette_requests_in_progress{{{labels}}}": 1},
            )

    def test_fastapi_under_uvicorn(self):
        self.fastapi(*UVICORN)

    def test_starlette_under_uvicorn(self):
        self.starlette(*UVICORN)

    def test_fastapi_under_granian(self):
        self.fastapi(*GRANIAN)

    def test_starlette_under_granian(self):
        self.starlette(*GRANIAN)


if __name__ == "__main__":
    unittest.main()
