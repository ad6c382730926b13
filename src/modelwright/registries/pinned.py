"""Pinned: the rules of traffic.py for a library that speaks HTTP by itself."""

import asyncio
import ssl

import httpx2

from modelwright.registries.traffic import Traffic, port_of


def pinned_client(traffic: Traffic) -> httpx2.Client:
    """A client that goes to checked addresses only, wherever it is redirected."""
    return httpx2.Client(
        transport=_Pinned(traffic), follow_redirects=True, max_redirects=5, timeout=30, trust_env=False
    )


class _Pinned(httpx2.BaseTransport):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._context: ssl.SSLContext | None = None
        self._pools: dict[tuple[str, int], tuple[str, httpx2.HTTPTransport]] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        host, port = request.url.host, port_of(request.url)
        known = self._pools.get((host, port))
        if known is None:
            address = asyncio.run(self._traffic.address(host, port))
            self._context = self._context or httpx2.create_ssl_context()
            known = self._pools[host, port] = address, httpx2.HTTPTransport(verify=self._context)
        address, pool = known
        return pool.handle_request(
            httpx2.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        )

    def close(self) -> None:
        for _, pool in self._pools.values():
            pool.close()
