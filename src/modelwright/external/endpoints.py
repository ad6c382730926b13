"""Endpoints: HTTP services that the administrator allows us to ask.

Which machines may be spoken to, and at which address, is the transport's to decide:
it looks a name up once, checks what it means and connects to that. Here every URL on
the way, those of redirects included, is held against the list first.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import httpx2

from modelwright.core.errors import Denied, Invalid, Unavailable
from modelwright.core.external import External
from modelwright.core.wording import excerpt
from modelwright.external.pieces import LACKING, read_json, read_pieces, read_whole, shown

SECONDS: Final = 120.0
HEALTH_SECONDS: Final = 10.0
MOST_REDIRECTS: Final = 3
SETTING: Final = "endpoints"

_REDIRECTS: Final = (301, 302, 303, 307, 308)


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
        async with self._asked("GET", url, None, HEALTH_SECONDS) as answer:
            if not answer.is_success:
                raise Unavailable(f"{url} answers with status {answer.status_code}; it is not healthy")

    async def predict(self, external: External, body: Mapping[str, Any]) -> Any:
        """Post a body; gives the JSON that comes back.

        Raises Invalid for a refusal of the body, Unavailable for every other failure.
        """
        url = _joined(external.endpoint, external.predict_route)
        async with self._asked("POST", url, dict(body), SECONDS) as answer:
            await _check(answer, url)
            return read_json(await read_whole(answer))

    async def stream(self, external: External, body: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """Post a body; gives the JSON of each piece, or the whole answer as one."""
        if external.stream_route:
            url = _joined(external.endpoint, external.stream_route)
            async with self._asked("POST", url, dict(body), SECONDS) as answer:
                if answer.status_code not in LACKING:
                    await _check(answer, url)
                    async with aclosing(read_pieces(answer)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
        yield await self.predict(external, body)

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _asked(
        self, method: str, url: str, body: Any, seconds: float
    ) -> AsyncGenerator[httpx2.Response, None]:
        """The answer, to be read; a redirect gets the body again only for 307 and 308."""
        for _ in range(MOST_REDIRECTS + 1):
            checked = self._checked(url)
            async with self._once(method, checked, body, seconds) as answer:
                location = answer.headers.get("location", "")
                if answer.status_code not in _REDIRECTS or not location:
                    yield answer
                    return
            url = str(checked.join(location))
            if answer.status_code not in (307, 308):
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

    @asynccontextmanager
    async def _once(
        self, method: str, url: httpx2.URL, body: Any, seconds: float
    ) -> AsyncGenerator[httpx2.Response, None]:
        try:
            async with self._http.stream(method, url, json=body, timeout=seconds) as answer:
                yield answer
        except httpx2.HTTPError as error:
            raise Unavailable(f"{url} cannot be reached: {error or type(error).__name__}") from error
        except Denied as error:
            raise Denied(
                error.message, field="endpoint", hint=f"Add it to the setting {SETTING} if that is meant"
            ) from None


def _joined(endpoint: str, route: str) -> str:
    return endpoint.rstrip("/") + route


async def _check(answer: httpx2.Response, url: str) -> None:
    """Raises Invalid for a refusal of the body, Unavailable for any other failure."""
    if answer.is_success:
        return
    said = shown(await read_whole(answer))
    if answer.is_client_error:
        raise Invalid(f"{url} refuses the request with status {answer.status_code}: {said}")
    raise Unavailable(f"{url} answers with status {answer.status_code}: {said}")
