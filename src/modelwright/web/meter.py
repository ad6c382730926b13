"""The meter: what Prometheus reads.

Labels are few and bounded: routes as they are written in the code, statuses,
kinds of tokens. No name of a model or of a person is a label.
"""

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelwright.dialects.answer import USAGE

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Meter:
    """The figures of one server, kept in its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.requests = Counter(
            "modelwright_requests", "Requests answered", ("method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "modelwright_request_seconds",
            "Time from a request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.tokens = Counter(
            "modelwright_tokens",
            "Tokens read (of which cached ones were not evaluated again) and written",
            ("kind",),
            registry=registry,
        )
        self.open = Gauge(
            "modelwright_requests_open", "Requests that are being answered, or wait for it", registry=registry
        )
        self.models = Gauge("modelwright_models", "Models in the catalogue", registry=registry)
        self.engines = Gauge("modelwright_engines", "Engines that are loaded", registry=registry)

    def text(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one answered request."""
        route = getattr(scope.get("route"), "path_format", "none")
        self.requests.labels(_method(scope["method"]), route, status).inc()
        self.seconds.labels(route).observe(seconds)
        usage = scope.get(USAGE)
        if usage is not None:
            self.tokens.labels("prompt").inc(usage.prompt_tokens)
            self.tokens.labels("cached").inc(usage.cached_tokens)
            self.tokens.labels("completion").inc(usage.completion_tokens)


class Metered:
    """ASGI middleware that counts each request, the refused ones too."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self._app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 499  # as nginx says when the client left before an answer
        start = time.perf_counter()
        self._meter.open.inc()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._meter.open.dec()
            self._meter.count(scope, status, time.perf_counter() - start)


def _method(method: str) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"
