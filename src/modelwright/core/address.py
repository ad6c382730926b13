"""Address: where a server listens or is found, as OLLAMA_HOST spells it.

The forms are Ollama's (envconfig/config.go, Host): scheme, port and path may
be missing, IPv6 needs no brackets. Resolves no name and opens no socket.
"""

import ipaddress
from dataclasses import dataclass, replace
from typing import Final, Self

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

DEFAULT_PORT: Final = 11434

_SCHEME_PORTS: Final = {"http": 80, "https": 443}
_HINT = 'Write "127.0.0.1", "127.0.0.1:11434", "[::1]:11434" or "http://127.0.0.1:11434"'


@dataclass(frozen=True, slots=True)
class Address:
    """A place on the network; an empty `host` is every interface.

    `port_given` tells a port that was said, perhaps by a scheme, from the
    default one.
    """

    host: str
    port: int
    port_given: bool
    scheme: str = "http"
    path: str = ""

    @classmethod
    def parse(cls, text: str, *, field: str = "host", strict: bool = True) -> Self:
        """Read an address; raises Invalid.

        Not `strict`, a port that cannot be is the default one instead, as with
        Ollama.
        """
        text = text.strip()
        if text == "ollama.com":
            return cls(text, 443, True, "https")
        scheme, found, rest = text.rpartition("://")
        if found and scheme not in _SCHEME_PORTS:
            raise Invalid(f"{field} {excerpt(text)} has an unknown scheme", field=field, hint=_HINT)
        place, slash, path = rest.partition("/")
        host, port_text = _split(place)
        port = _port(port_text)
        if strict and ((port_text and port is None) or any(char.isspace() for char in text)):
            raise Invalid(f"{field} {excerpt(text)} is not an address", field=field, hint=_HINT)
        default = _SCHEME_PORTS.get(scheme, DEFAULT_PORT)
        given = port is not None or bool(found)
        return cls(host, default if port is None else port, given, scheme or "http", slash + path)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def connectable(self) -> Self:
        """The address a client can call when the server listens on this one."""
        if not self.host:
            return replace(self, host="127.0.0.1")
        ip = _ip(self.host)
        if ip is None or not ip.is_unspecified:
            return self
        return replace(self, host="127.0.0.1" if ip.version == 4 else "::1")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        ip = _ip(self.host)
        return self.host == "localhost" if ip is None else ip.is_loopback


def _split(place: str) -> tuple[str, str]:
    """Divide "host:port"; the host of nothing at all is the loopback address."""
    bare = place.removeprefix("[").removesuffix("]")
    ip = _ip(bare)
    if ip is not None:
        return str(ip), ""
    host, colon, port = place.rpartition(":")
    if not colon:
        return place or "127.0.0.1", ""
    return host.removeprefix("[").removesuffix("]"), port


def _port(text: str) -> int | None:
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        return None
    return int(text) if int(text) <= 65535 else None


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
