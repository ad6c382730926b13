"""Credentials: what a request brings along to say who is asking.

Every carrier that one of the dialects' clients uses, read in one place. It does
not know whether a credential is good.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request, cookie_parser

from modelwright.core.errors import Invalid

CARRIERS: Final = (
    "Authorization: Bearer KEY",
    "Authorization: Basic, with the key as the password",
    "x-api-key: KEY",
    "Token: KEY",
    "Cookie: token=KEY",
)


def credential_of(request: Request) -> str:
    """The one credential of a request, empty when there is none.

    Raises Invalid when two carriers say different things: whoever reads the one
    and whoever reads the other would not mean the same person.
    """
    found = dict.fromkeys(text for text in _carried(request) if text)
    if len(found) > 1:
        raise Invalid(
            "the request carries two different credentials",
            field="Authorization",
            hint="Send one, by one of Authorization, x-api-key, Token, or the cookie token",
        )
    return next(iter(found), "")


def _carried(request: Request) -> Iterator[str]:
    for name in ("authorization", "x-api-key", "token"):
        for value in request.headers.getlist(name):
            yield _authorized(value) if name == "authorization" else value.strip()
    for field in request.headers.getlist("cookie"):
        for pair in field.split(";"):  # one by one: a dictionary would keep the last of a name
            yield cookie_parser(pair).get("token", "").strip()


def _authorized(value: str) -> str:
    """The secret in an Authorization field; of Basic the password, or the name."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "basic":
        return rest.strip() if scheme.lower() == "bearer" else value.strip()
    try:
        pair = base64.b64decode(rest.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return rest.strip()
    name, _, password = pair.partition(":")
    return password or name
