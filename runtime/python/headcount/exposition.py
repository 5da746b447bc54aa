"""Pages: ``generate_latest``, applications for WSGI and ASGI, servers, files and pushes.

The page of headcount's own metrics is written by Rust, from one snapshot of all processes. Pushes
are ``prometheus_client``'s, which must be installed for them.
"""

import gzip
import os
import socket
import ssl
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from headcount._text import ALLOW_UTF8, DOTS, UNDERSCORES, VALUES, text_of
from headcount.registry import REGISTRY, CollectorRegistry, View

CONTENT_TYPE_PLAIN_0_0_4 = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_PLAIN_1_0_0 = "text/plain; version=1.0.0; charset=utf-8"
CONTENT_TYPE_LATEST = CONTENT_TYPE_PLAIN_1_0_0
CONTENT_TYPE_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_END = b"# EOF\n"
_SCHEMES = (UNDERSCORES, ALLOW_UTF8, DOTS, VALUES)
_TITLE = {
    "text/plain": CONTENT_TYPE_LATEST,
    "application/openmetrics-text": CONTENT_TYPE_OPENMETRICS,
}


def _page(registry: Any, escaping: str, is_openmetrics: bool) -> bytes:
    if type(registry) is not CollectorRegistry:
        return text_of(registry.collect(), escaping, is_openmetrics)
    kind = "application/openmetrics-text" if is_openmetrics else "text/plain"
    accept = f"{kind}; version=1.0.0; escaping={escaping}"
    view, shown, pages = View(registry), set(), []
    for snapshot, names in view.snapshots():
        shown |= names
        # A page of all families needs no list of them.
        wanted = None if len(names) == len(snapshot.names()) else sorted(names)
        pages.append(snapshot.render(accept, wanted).removesuffix(_END))
    return b"".join([text_of(view.others(shown), escaping, is_openmetrics), *pages])


def generate_latest(registry: Any = REGISTRY, escaping: str = UNDERSCORES) -> bytes:
    """Returns the page of a registry in the text format, of all processes."""
    return _page(registry, escaping, False)


def generate_openmetrics(
    registry: Any = REGISTRY, escaping: str = UNDERSCORES, version: str = "1.0.0"
) -> bytes:
    """Returns the page of a registry in OpenMetrics, of all processes."""
    return _page(registry, escaping, True) + _END


def _is_recent(version: str) -> bool:
    major = version.split(".")[0]
    return major.isdigit() and int(major) >= 1


def choose_encoder(accept_header: str | None) -> tuple[Callable[[Any], bytes], str]:
    """Returns what makes the page for a header ``Accept``, and the page's content type."""
    for accepted in (accept_header or "").split(","):
        kind, *parameters = (part.strip() for part in accepted.split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        version = given.get("version", "")
        escaping = given.get("escaping", UNDERSCORES)
        escaping = escaping if escaping in _SCHEMES else UNDERSCORES
        if kind == "application/openmetrics-text" and not version:
            return partial(generate_openmetrics, escaping=UNDERSCORES), CONTENT_TYPE_OPENMETRICS
        if kind in _TITLE and _is_recent(version):
            make = generate_latest if kind == "text/plain" else generate_openmetrics
            return partial(make, escaping=escaping), f"{_TITLE[kind]}; escaping={escaping}"
    return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


def _answer(
    registry: Any, accept: str | None, encodings: str | None, query: str, is_compressed: bool
) -> tuple[list[tuple[str, str]], bytes]:
    """The headers and the body of an answer."""
    make, kind = choose_encoder(accept)
    names = parse_qs(query).get("name[]")
    body = make(registry.restricted_registry(names) if names else registry)
    headers = [("Content-Type", kind)]
    known = [part.split(";")[0].strip().lower() for part in (encodings or "").split(",")]
    if is_compressed and "gzip" in known:
        body = gzip.compress(body)
        headers.append(("Content-Encoding", "gzip"))
    return headers, body


def make_wsgi_app(
    registry: Any = REGISTRY, disable_compression: bool = False
) -> Callable[..., Any]:
    """Returns an application for WSGI that shows a registry at any path."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        method = environ["REQUEST_METHOD"]
        status, headers, body = "200 OK", [("Allow", "OPTIONS,GET")], b""
        if method == "GET" and environ.get("PATH_INFO") == "/favicon.ico":
            # A browser asks for it beside each page.
            headers = []
        elif method == "GET":
            headers, body = _answer(
                registry,
                environ.get("HTTP_ACCEPT"),
                environ.get("HTTP_ACCEPT_ENCODING"),
                environ.get("QUERY_STRING", ""),
                not disable_compression,
            )
        elif method != "OPTIONS":
            status = "405 Method Not Allowed"
            body = f"# HTTP {status}: {method}; use OPTIONS or GET\n".encode()
        start_response(status, headers)
        return [body]

    return application


def make_asgi_app(
    registry: Any = REGISTRY, disable_compression: bool = False
) -> Callable[..., Any]:
    """Returns an application for ASGI that shows a registry at any path."""

    async def application(
        scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        assert scope.get("type") == "http"

        def header(wanted: bytes) -> str:
            found = (value for name, value in scope.get("headers", ()) if name.lower() == wanted)
            return ",".join(value.decode("latin-1") for value in found)

        query = scope.get("query_string", b"").decode("latin-1")
        encodings = header(b"accept-encoding")
        headers, body = _answer(
            registry, header(b"accept"), encodings, query, not disable_compression
        )
        if (await receive()).get("type") != "http.request":
            return
        lines = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    return application


class MetricsHandler(BaseHTTPRequestHandler):
    """A handler for ``http.server`` that shows a registry at any path."""

    registry: Any = REGISTRY

    def do_GET(self) -> None:
        headers, body = _answer(
            self.registry,
            self.headers.get("Accept"),
            self.headers.get("Accept-Encoding"),
            urlsplit(self.path).query,
            True,
        )
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: a scrape is not worth a line."""

    @classmethod
    def factory(cls, registry: Any) -> type["MetricsHandler"]:
        """Returns a handler that shows this registry."""
        return type(cls.__name__, (cls,), {"registry": registry})


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: a scrape is not worth a line."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def start_wsgi_server(
    port: int,
    addr: str = "0.0.0.0",
    registry: Any = REGISTRY,
    certfile: str | None = None,
    keyfile: str | None = None,
    client_cafile: str | None = None,
    client_capath: str | None = None,
    protocol: int = ssl.PROTOCOL_TLS_SERVER,
    client_auth_required: bool = False,
    tls_min_version: ssl.TLSVersion | None = None,
    tls_max_version: ssl.TLSVersion | None = None,
) -> tuple[WSGIServer, threading.Thread]:
    """Serves a registry by a thread of this process, which ends with the process."""
    known = socket.getaddrinfo(addr, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = known[0]
    server_class = type("_Server", (_Server,), {"address_family": family})
    context = None
    if certfile and keyfile:
        # Before a socket is bound, which a bad file would leave behind.
        context = ssl.SSLContext(protocol)
        if client_cafile or client_capath:
            context.load_verify_locations(client_cafile, client_capath)
        else:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certfile, keyfile)
        if client_auth_required:
            context.verify_mode = ssl.CERT_REQUIRED
        if tls_min_version is not None:
            context.minimum_version = tls_min_version
        if tls_max_version is not None:
            context.maximum_version = tls_max_version
    server = make_server(str(address[0]), port, make_wsgi_app(registry), server_class, _Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, name="headcount-http", daemon=True)
    thread.start()
    return server, thread


start_http_server = start_wsgi_server


def write_to_textfile(
    path: str, registry: Any, escaping: str = ALLOW_UTF8, tmpdir: str | None = None
) -> None:
    """Writes the page of a registry into a file, which is replaced as a whole."""
    folder = os.path.dirname(path) if tmpdir is None else tmpdir
    own = f"{os.path.basename(path)}.{os.getpid()}.{threading.get_ident()}"
    new = os.path.join(folder, own)
    try:
        with open(new, "wb") as file:
            file.write(generate_latest(registry, escaping))
        os.replace(new, path)
    except BaseException:
        if os.path.exists(new):
            os.remove(new)
        raise


_PUSHES = (
    "basic_auth_handler",
    "default_handler",
    "delete_from_gateway",
    "instance_ip_grouping_key",
    "passthrough_redirect_handler",
    "push_to_gateway",
    "pushadd_to_gateway",
    "tls_auth_handler",
)


def __getattr__(name: str) -> Any:
    if name not in _PUSHES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from headcount import _theirs

    return globals().setdefault(name, _theirs.attribute("exposition", name))
