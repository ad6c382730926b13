"""Traffic: which machines may be spoken to, and at which address.

A name is looked up once, what it means is checked, and the connection goes to
the address that was checked: what the name means later does not matter. The
spelling of an address does not matter either, since what is checked is what the
system's resolver made of it.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import httpx2

from modelwright.core.errors import Denied, Unavailable
from modelwright.core.wording import excerpt

ANY: Final = "*"
"""In the list of registries: any that is on the public internet."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_PORTS: Final = {"http": 80, "https": 443}

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]


class Traffic:
    """The rules; `listed` are hosts, with a port where it is not the usual one."""

    def __init__(self, listed: Sequence[str], *, resolve: Resolve | None = None) -> None:
        self._listed = frozenset(host.lower() for host in listed)
        self._resolve = resolve or _resolve

    def is_listed(self, host: str) -> bool:
        """Whether the operator has named this very host, port included."""
        return plain_host(host) in {plain_host(each) for each in self._listed}

    def check(self, host: str) -> None:
        """Raise Denied for a registry that is not listed."""
        if not self.is_listed(host) and ANY not in self._listed:
            listed = ", ".join(sorted(self._listed)) or "none"
            raise Denied(
                f"the registry {excerpt(host)} is not among those that may be spoken to",
                field="registries",
                hint=f"Add it to the setting registries; listed are {listed}",
            )

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Where to connect to, in this order; raises Denied if one is not public.

        One that stands in the list may be on this machine or in its network.
        """
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise Unavailable(f"{excerpt(host)} cannot be found: {error.strerror or error}") from error
        listed = self.is_listed(f"{host}:{port}" if ":" not in host else f"[{host}]:{port}")
        for text in found:
            if not listed and not is_public(ipaddress.ip_address(text.partition("%")[0])):
                raise Denied(
                    f"{excerpt(host)} is at {text}, which is not on the public internet",
                    field="registries",
                    hint="Add it to the setting registries if that is meant",
                )
        if not found:
            raise Unavailable(f"{excerpt(host)} has no address")
        return tuple(dict.fromkeys(found))


def is_public(address: IPAddress) -> bool:
    """Whether an address, or the IPv4 address that stands in it, is on the internet."""
    inner: list[IPAddress] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if address.ipv4_mapped is not None:
            inner = [address.ipv4_mapped]
        elif address.sixtofour is not None:
            inner.append(address.sixtofour)
        elif address.teredo is not None:
            inner += address.teredo
        elif address in _NAT64 or int(address) >> 32 == 0:
            inner = [low]
    return all(each.is_global and not each.is_multicast and not each.is_reserved for each in inner)


def plain_host(host: str) -> str:
    """A host as it is compared: lower case, without a port that goes without saying."""
    return host.lower().removesuffix(":443").removesuffix(":80")


def port_of(url: httpx2.URL) -> int:
    return url.port or _PORTS[url.scheme]


def pinned(request: httpx2.Request, address: str) -> httpx2.Request:
    """The request to the host of that name, at this address and no other."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


class Guarded(httpx2.AsyncBaseTransport):
    """Sends requests to checked addresses only; certificates are for the name.

    One pool of connections for each name: two names that share an address do not
    share a connection. Where nothing answers at an address the name's next one is tried
    (`localhost` is ::1 and 127.0.0.1, and a registry often listens at one of them). The
    addresses hold until nothing answers at any; then what the name means is looked up
    and checked anew, for the next request.
    """

    def __init__(self, traffic: Traffic, *, context: ssl.SSLContext | None = None) -> None:
        self._traffic = traffic
        self._context = context
        self._addresses: dict[tuple[str, int], tuple[str, ...]] = {}
        self._pools: dict[tuple[str, int], httpx2.AsyncHTTPTransport] = {}
        self._turn = asyncio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        place = host, port = request.url.host, port_of(request.url)
        async with self._turn:
            addresses = self._addresses.get(place) or await self._traffic.addresses(host, port)
            self._addresses[place] = addresses
            if self._context is None:
                self._context = await asyncio.to_thread(httpx2.create_ssl_context)
            if place not in self._pools:
                self._pools[place] = httpx2.AsyncHTTPTransport(verify=self._context)
            pool = self._pools[place]
        failure: httpx2.TransportError = httpx2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                answer = await pool.handle_async_request(pinned(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
                continue
            self._addresses[place] = (address, *(each for each in addresses if each != address))
            return answer
        self._addresses.pop(place, None)
        raise failure

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


async def _resolve(host: str, port: int) -> Sequence[str]:
    for spelled in (ipaddress.ip_address, _old_spelling):
        with suppress(ValueError, OSError):
            return [str(spelled(host))]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(0, "it is no name of a machine") from error
    return [str(place[0]) for *_, place in found]


def _old_spelling(host: str) -> str:
    """An IPv4 address in decimal, octal or hex, in one to four parts, as C reads it."""
    return socket.inet_ntoa(socket.inet_aton(host))
