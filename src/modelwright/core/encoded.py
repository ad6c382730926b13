"""Encoded: bytes that come as base64 in a field. Knows nothing of what they are."""

import base64
import binascii

from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.wording import excerpt


def read_base64(encoded: object, *, most: int, field: str) -> bytes:
    """The bytes of a field, with or without "data:...;base64," before them.

    Raises Invalid for what is no base64, TooLarge for what is over `most` bytes
    before anything is decoded.
    """
    if not isinstance(encoded, str):
        raise Invalid(f'"{field}" must be a text in base64', field=field)
    text = encoded.partition(",")[2] if encoded.startswith("data:") else encoded
    if len(text) > most * 4 // 3 + 4:
        raise TooLarge(f'"{field}" is over the limit of {most} bytes', field=field)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f'"{field}" is not base64: {excerpt(text)}', field=field) from None
