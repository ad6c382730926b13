"""Endpoints: HTTP services that the administrator allows us to ask.

Which machines may be spoken to, and at which address, is the transport's to decide:
it looks a name up once, checks what it means and connects to that. Here every URL on
the way, those of redirects included, is held against the list first.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx2

from modelwright.core.errors import Denied, Invalid, Unavailable
from modelwright.core.external import External
from modelwright.core.wording import excerpt

SECONDS: Final = 120.0
HEALTH_SECONDS: Final = 10.0
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_REDIRECTS: Final = 3
SETTING: Final = "endpoints"

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_SHOWN: Final = 200


class Endpoints:
    """Asks endpoints; `check` raises Denied for a host that is not allowed."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, check: Callable[[str], None]) -> None:
        self._check = check
        self._http = httpx2.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, timeout=SECONDS
        )

    async def start(self, external: External) -> None:
        """See that it is healthy; raises Denied or Unavailable."""
        url = _joined(external.endpoint, external.health_route)
        status, _ = await self._ask("GET", url, None, HEALTH_SECONDS)
        if not 200 <= status < 300:
            raise Unavailable(f"{url} answers with status {status}; it is not healthy")

    async def predict(self, external: External, body: Mapping[str, Any]) -> Any:
        """Post a body; gives the JSON that comes back.

        Raises Invalid for a refusal of the body, Unavailable for every other failure.
        """
        url = _joined(external.endpoint, external.predict_route)
        status, content = await self._ask("POST", url, dict(body), SECONDS)
        if 400 <= status < 500:
            raise Invalid(f"{url} refuses the request with status {status}: {_text(content)}")
        if not 200 <= status < 300:
            raise Unavailable(f"{url} answers with status {status}: {_text(content)}")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{url} does not answer with JSON: {_text(content)}") from error

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask(self, method: str, url: str, body: Any, seconds: float) -> tuple[int, bytes]:
        """Status and content; a redirect gets the body again only for 307 and 308."""
        for _ in range(MOST_REDIRECTS + 1):
            checked = self._checked(url)
            status, content, location = await self._once(method, checked, body, seconds)
            if status not in _REDIRECTS or not location:
                return status, content
            url = str(checked.join(location))
            if status not in (307, 308):
                method, body = "GET", None
        raise Unavailable(f"{excerpt(url)} redirects more than {MOST_REDIRECTS} times")

    def _checked(self, text: str) -> httpx2.URL:
        try:
            url = httpx2.URL(text)
        except (httpx2.InvalidURL, ValueError) as error:
            raise Invalid(f"{excerpt(text)} is no URL", field="endpoint") from error
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise Invalid(
                f"{excerpt(text)} is no endpoint",
                field="endpoint",
                hint="Write http:// or https://, a host and perhaps a port and a path, without a password",
            )
        host = f"[{url.host}]" if ":" in url.host else url.host
        place = host if url.port is None else f"{host}:{url.port}"
        try:
            self._check(place)
        except Denied:
            raise Denied(
                f"the endpoint {excerpt(place)} is not among those that may be spoken to",
                field="endpoint",
                hint=f"An administrator can add it to the setting {SETTING}",
            ) from None
        return url

    async def _once(self, method: str, url: httpx2.URL, body: Any, seconds: float) -> tuple[int, bytes, str]:
        content = bytearray()
        try:
            async with self._http.stream(method, url, json=body, timeout=seconds) as answer:
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MOST_BYTES:
                        raise Unavailable(f"{url} answers with more than {MOST_BYTES} bytes")
                return answer.status_code, bytes(content), answer.headers.get("location", "")
        except httpx2.HTTPError as error:
            raise Unavailable(f"{url} cannot be reached: {error or type(error).__name__}") from error
        except Denied as error:
            raise Denied(
                error.message, field="endpoint", hint=f"Add it to the setting {SETTING} if that is meant"
            ) from None


def _joined(endpoint: str, route: str) -> str:
    return endpoint.rstrip("/") + route


def _text(content: bytes) -> str:
    return excerpt(content[:_SHOWN].decode("utf-8", "replace"), _SHOWN)
