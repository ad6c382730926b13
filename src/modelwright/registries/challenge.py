"""Challenge: what a registry asks for when it answers 401.

A token is asked for only where the registry itself is, or at a host that is
listed, and never over plain http unless the registry was to be reached so: the
realm is text from outside, and what is sent there are credentials (CVE-2025-51471).
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from modelwright.core.errors import Denied
from modelwright.core.wording import excerpt

_PAIR = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Challenge:
    """A WWW-Authenticate header; `scheme` is "bearer", "basic" or ""."""

    scheme: str = ""
    realm: str = ""
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read it as Ollama does: what is not there is empty (server/auth.go)."""
        scheme, _, rest = header.strip().partition(" ")
        found = {name.lower(): value for name, value in _PAIR.findall(rest)}
        return cls(scheme.lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", ""))


def is_same_host(realm: str, host: str) -> bool:
    """Whether a realm's URL is at the registry's host, port included."""
    try:
        return urlsplit(realm).netloc.lower() == host.lower()
    except ValueError:
        return False


def check_realm(realm: str, host: str, *, listed: bool, insecure: bool) -> None:
    """Raise Denied for a realm that must not see credentials."""
    try:
        scheme = urlsplit(realm).scheme
    except ValueError:
        scheme = ""
    if scheme != "https" and not (insecure and scheme == "http"):
        raise Denied(
            f"the registry {host} wants tokens to be asked for at {excerpt(realm)}, which is not https"
        )
    if not is_same_host(realm, host) and not listed:
        raise Denied(
            f"the registry {host} wants tokens to be asked for at {excerpt(realm)}, which is another host",
            hint="Add that host to the setting registries if you trust it",
        )
