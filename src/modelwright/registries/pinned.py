"""Pinned: the rules of traffic.py for a library that speaks HTTP by itself."""

import asyncio
import ssl
from contextlib import suppress

import httpx2

from modelwright.registries.traffic import Traffic, pinned, port_of


def pinned_client(traffic: Traffic) -> httpx2.Client:
    """A client that goes to checked addresses only, wherever it is redirected."""
    return httpx2.Client(
        transport=_Pinned(traffic), follow_redirects=True, max_redirects=5, timeout=30, trust_env=False
    )


class _Pinned(httpx2.BaseTransport):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._context: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, int], httpx2.HTTPTransport] = {}
        self._addresses: dict[tuple[str, int], tuple[str, ...]] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        place = host, port = request.url.host, port_of(request.url)
        if place not in self._pools:
            self._addresses[place] = asyncio.run(self._traffic.addresses(host, port))
            self._context = self._context or httpx2.create_ssl_context()
            self._pools[place] = httpx2.HTTPTransport(verify=self._context)
        *others, last = self._addresses[place]
        for address in others:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return self._pools[place].handle_request(pinned(request, address))
        return self._pools[place].handle_request(pinned(request, last))

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
