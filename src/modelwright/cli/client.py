"""Client: one server, spoken to over HTTP as any other client would.

Knows how to ask and how a refusal reads, not which server (server.py) and not
what an answer means.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

from modelwright import __version__
from modelwright.core import names
from modelwright.core.address import Address
from modelwright.core.errors import ModelwrightError, Unavailable

NATIVE: Final = "/api/modelwright"
"""Where modelwright's own dialect is."""

_CONNECT_SECONDS: Final = 5.0
_UNKNOWN: Final = 401
_NOT_FOUND: Final = 404
_ABSENT: Final = re.compile(r"""model (['"]).*\1 not found""", re.DOTALL)
_NO_NAME: Final = re.compile(r'invalid model name|destination ".*" is invalid', re.DOTALL)
_ABSENT_HINT: Final = "See what is here with: modelwright ls. Get others with: modelwright pull"


class Client:
    """A connection to the server at `address`; closed by `with`.

    Every call raises ModelwrightError with the server's own message. `token` is what
    proves, where no key is set, that we are the server's own user.
    """

    def __init__(self, address: Address, environ: Mapping[str, str] = os.environ, *, token: str = "") -> None:
        import httpx2

        key = environ.get("MODELWRIGHT_KEY") or environ.get("OLLAMA_API_KEY") or token
        headers = {"User-Agent": f"modelwright/{__version__}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.url = address.connectable.url
        # A proxy is for other machines: it could not reach this one's loopback address.
        self._http = httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
            trust_env=not address.connectable.is_loopback,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(
        self, method: str, path: str, body: object = None, *, query: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request; gives the JSON of the answer, None when it has no body."""
        with self._failures():
            answer = self._http.request(method, path, json=body, params=query)
            if answer.is_error:
                raise _refusal(answer.status_code, answer.content)
            return answer.json() if answer.content else None

    def stream(self, path: str, body: object) -> Iterator[dict[str, Any]]:
        """Post a request; gives the JSON lines of the answer as they come."""
        with self._failures(), self._http.stream("POST", path, json=body) as answer:
            yield from _lines(answer)

    def read_lines(self, path: str, *, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Get something; gives the JSON lines of the answer as they come."""
        with self._failures(), self._http.stream("GET", path, params=query) as answer:
            yield from _lines(answer)

    def send(
        self, path: str, pieces: Iterable[bytes], size: int, *, query: Mapping[str, str] | None = None
    ) -> Any:
        """Post `size` bytes as they are; gives the JSON of the answer."""
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        with self._failures():
            answer = self._http.post(path, content=iter(pieces), headers=headers, params=query)
            if answer.is_error:
                raise _refusal(answer.status_code, answer.content)
            return answer.json() if answer.content else None

    def has(self, path: str) -> bool:
        """Tell whether there is something at the path."""
        with self._failures():
            answer = self._http.head(path)
        if answer.is_error and answer.status_code != _NOT_FOUND:
            raise _refusal(answer.status_code, answer.content)
        return answer.is_success

    @contextmanager
    def download(self, path: str, query: Mapping[str, str]) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Get bytes: how many they are, and they themselves as they come."""
        with self._failures(), self._http.stream("GET", path, params=query) as answer:
            if answer.is_error:
                raise _refusal(answer.status_code, answer.read())
            yield int(answer.headers.get("content-length", 0)), answer.iter_bytes()

    def upload(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Post `size` bytes as they are; nothing is answered."""
        self.send(path, pieces, size)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import httpx2

        try:
            yield
        except httpx2.ConnectError as error:
            raise Unavailable(
                f"no server answers at {self.url}", hint="Start one with: modelwright serve"
            ) from error
        except httpx2.HTTPError as error:
            raise Unavailable(
                f"the server at {self.url} broke off: {error or type(error).__name__}"
            ) from error
        except ValueError as error:
            raise ModelwrightError(f"what answers at {self.url} does not speak JSON") from error


def is_modelwright(address: Address) -> bool:
    """Tell whether a modelwright answers there, within two seconds."""
    import httpx2

    place = address.connectable
    try:
        answer = httpx2.get(f"{place.url}{NATIVE}/server", timeout=2, trust_env=not place.is_loopback)
        return bool(answer.json()["name"] == "modelwright")
    except (httpx2.HTTPError, ValueError, LookupError, TypeError):
        return False


def _lines(answer: Any) -> Iterator[dict[str, Any]]:
    """The JSON lines of an answer (httpx2.Response)."""
    if answer.is_error:
        raise _refusal(answer.status_code, answer.read())
    for line in answer.iter_lines():
        item = json.loads(line)
        if "error" in item and "kind" not in item:
            raise _failure(item["error"])
        yield item


def _refusal(status: int, content: bytes) -> ModelwrightError:
    """Take the message out of a refusal, in Ollama's shape or in our own."""
    hint = "The key of a server is set with MODELWRIGHT_KEY" if status == _UNKNOWN else ""
    try:
        return _failure(json.loads(content)["error"], hint)
    except (ValueError, LookupError, TypeError):
        return ModelwrightError(f"the server answered with status {status}", hint=hint)


def _failure(error: Any, hint: str = "") -> ModelwrightError:
    told = error if isinstance(error, dict) else {"message": error}
    message = str(told["message"])
    if _ABSENT.fullmatch(message):
        hint = _ABSENT_HINT
    elif _NO_NAME.fullmatch(message):
        hint = f"{names.HINT}; a namespace has no dots, so a host is followed by two parts"
    return ModelwrightError(message, hint=str(told.get("hint") or hint))
