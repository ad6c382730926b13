"""Exchange: one request to a registry and its answer, with what may come between.

Redirects are followed here, each to a place that is checked again and without our
credentials; a 401 is answered once, with a token or a password. What comes back
is an answer that was meant, or one of our errors.
"""

import asyncio
import base64
import json
import secrets
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import httpx2

from modelwright import __version__
from modelwright.core.errors import (
    Corrupt,
    Denied,
    Invalid,
    ModelwrightError,
    NotFound,
    TooLarge,
    Unavailable,
)
from modelwright.core.transfer_ports import Repository
from modelwright.core.wording import excerpt
from modelwright.registries.challenge import Challenge, check_realm
from modelwright.registries.credentials import Credentials
from modelwright.registries.key_proof import is_key, prove
from modelwright.registries.traffic import Guarded, Traffic, plain_host

STALL: Final = 30.0
"""Seconds without a byte after which a request is given up (Ollama, server/download.go)."""
Content: TypeAlias = Callable[[], AsyncIterator[bytes]] | bytes | None
_MOST_REDIRECTS: Final = 5
_LARGEST_TOKEN: Final = 256 * 1024
_LARGEST_FAULT: Final = 16 * 1024


class Exchange:
    """Speaks to one registry; closed by `aclose`."""

    def __init__(
        self,
        repository: Repository,
        traffic: Traffic,
        credentials: Credentials | None,
        *,
        stall: float = STALL,
    ) -> None:
        traffic.check(repository.host)
        self._repository = repository
        self._traffic = traffic
        self._credentials = credentials
        self._authorization = ""
        self._turn = asyncio.Lock()
        self.base = f"{'http' if repository.insecure else 'https'}://{repository.host}"
        self._http = httpx2.AsyncClient(
            transport=Guarded(traffic),
            timeout=httpx2.Timeout(stall),
            trust_env=False,
            headers={"User-Agent": f"modelwright/{__version__}", "Accept-Encoding": "identity"},
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Content = None,
    ) -> AsyncIterator[httpx2.Response]:
        """Send a request, to a path of the registry or a URL that it gave us.

        Content that is a stream is opened anew where it must be sent again: a token may
        run out in the middle of a push. Status 4xx and 5xx become errors.
        """
        answer = await self._final(method, self.url(url), dict(headers or {}), content)
        try:
            if answer.is_error:
                raise await self._fault(answer)
            yield answer
        except httpx2.HTTPError as error:
            raise self._broken(error) from error
        finally:
            await answer.aclose()

    async def read(self, answer: httpx2.Response, limit: int) -> bytes:
        """A small body, decompressed under the limit; raises TooLarge."""
        encoding = answer.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise Corrupt(f"{self._repository.host} answered in the encoding {excerpt(encoding)}")
        plain = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding != "identity" else None
        found = bytearray()
        try:
            async for chunk in answer.aiter_raw():
                found += chunk if plain is None else plain.decompress(chunk, limit + 1 - len(found))
                if len(found) > limit:
                    raise TooLarge(f"{self._repository.host} answered with more than {limit} bytes")
        except zlib.error as error:
            raise Corrupt(f"{self._repository.host} answered with a damaged body") from error
        except httpx2.HTTPError as error:
            raise self._broken(error) from error
        return bytes(found)

    async def chunks(self, answer: httpx2.Response) -> AsyncGenerator[bytes, None]:
        """A large body as it comes, not decoded."""
        try:
            async for chunk in answer.aiter_raw():
                yield chunk
        except httpx2.HTTPError as error:
            raise self._broken(error) from error

    def url(self, text: str, seen_from: httpx2.URL | None = None) -> httpx2.URL:
        """Where a text of the registry leads; raises Corrupt for what is no URL."""
        try:
            return (seen_from or httpx2.URL(self.base)).join(text)
        except httpx2.InvalidURL as error:
            raise Corrupt(
                f"{self._repository.host} sent us on to {excerpt(text)}, which is no URL"
            ) from error

    async def _final(
        self, method: str, url: httpx2.URL, headers: dict[str, str], content: Content
    ) -> httpx2.Response:
        """The answer that is neither a redirect nor a challenge we can meet."""
        challenged, redirects = False, 0
        while True:
            self._check_url(url)
            own = self._is_own(url)
            said = {"Authorization": self._authorization} if own and self._authorization else {}
            try:
                body = content() if callable(content) else content
                request = self._http.build_request(method, url, headers=headers | said, content=body)
                answer = await self._http.send(request, stream=True, follow_redirects=False)
            except httpx2.HTTPError as error:
                raise self._broken(error) from error
            if answer.status_code == 401 and own and not challenged:
                challenged = True
                header = answer.headers.get("www-authenticate", "")
                await answer.aclose()
                await self._meet(Challenge.parse(header), said.get("Authorization", ""))
            elif answer.has_redirect_location and method in ("GET", "HEAD"):
                redirects += 1
                await answer.aclose()
                if redirects > _MOST_REDIRECTS:
                    raise Corrupt(f"{self._repository.host} redirected more than {_MOST_REDIRECTS} times")
                url = self.url(answer.headers["location"], url)
            else:
                return answer

    def _check_url(self, url: httpx2.URL) -> None:
        allowed = ("http", "https") if self._repository.insecure else ("https",)
        if url.scheme not in allowed or not url.host or url.userinfo:
            raise Denied(
                f"{self._repository.host} sent us on to {excerpt(str(url.copy_with(query=None)))}, "
                f"which is not plain {' or '.join(allowed)}"
            )

    def _is_own(self, url: httpx2.URL) -> bool:
        base = httpx2.URL(self.base)
        return (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)

    async def _meet(self, challenge: Challenge, tried: str) -> None:
        """Get what the challenge wants, unless somebody else just has."""
        async with self._turn:
            if self._authorization != tried:
                return
            known = self._credentials
            basic = _basic(known) if known is not None and not is_key(known.password) else ""
            if challenge.scheme == "basic":
                if not basic or tried == basic:
                    raise self._refused()
                self._authorization = basic
            elif challenge.scheme == "bearer" and challenge.realm:
                self._authorization = f"Bearer {await self._token(challenge, basic)}"
            else:
                raise self._refused()

    async def _token(self, challenge: Challenge, basic: str) -> str:
        host = self._repository.host
        realm = self.url(challenge.realm)
        listed = self._traffic.is_listed(realm.netloc.decode("ascii", "replace"))
        check_realm(challenge.realm, host, listed=listed, insecure=self._repository.insecure)
        query = {"service": challenge.service, "scope": challenge.scope}
        key = self._credentials.password if self._credentials is not None else ""
        if is_key(key):
            query |= {"ts": str(int(time.time())), "nonce": secrets.token_urlsafe(16)}
        url = realm.copy_merge_params({name: value for name, value in query.items() if value})
        said = prove(key, str(url)) if is_key(key) else basic
        try:
            request = self._http.build_request("GET", url, headers={"Authorization": said} if said else {})
            answer = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                if answer.status_code != 200:
                    raise self._refused()
                tree = json.loads(await self.read(answer, _LARGEST_TOKEN))
                token = tree.get("token") or tree["access_token"]
            finally:
                await answer.aclose()
        except httpx2.HTTPError as error:
            raise self._broken(error) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Corrupt(f"{host} gave no token that can be read") from error
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Corrupt(f"{host} gave no token that can be read")
        return token

    async def _fault(self, answer: httpx2.Response) -> ModelwrightError:
        """What the registry's refusal means."""
        status, host = answer.status_code, self._repository.host
        try:
            said = _said(await self.read(answer, _LARGEST_FAULT))
        except ModelwrightError:
            said = ""
        text = f"{host} answered with status {status}" + (f": {said}" if said else "")
        if status == 404:
            return NotFound("file", self._repository.path, hint=text)
        if status in (401, 403):
            return self._refused(text)
        if status in (408, 425, 429) or status >= 500:
            return Unavailable(text, retry_after=5)
        return Invalid(text)

    def _refused(self, text: str = "") -> Denied:
        host = plain_host(self._repository.host)
        return Denied(
            text or f"{host} does not let us in",
            hint=f"Log in with: modelwright login {host}",
        )

    def _broken(self, error: httpx2.HTTPError) -> Unavailable:
        return Unavailable(f"{self._repository.host} cannot be reached: {error or type(error).__name__}")


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.user}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _said(content: bytes) -> str:
    """The messages of a registry's error body, on one line; "" for anything else."""
    try:
        faults = json.loads(content)["errors"]
        texts = [str(fault.get("message") or fault.get("code") or "") for fault in faults]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return excerpt("; ".join(text for text in texts if text), 300).strip('"')
