"""Images: what a request may bring of them, told by their first bytes.

Knows no decoder: an image that is damaged inside is the engine's to refuse.
"""

import base64
from collections.abc import Sequence
from typing import Final

from modelwright.core.encoded import read_base64
from modelwright.core.errors import Invalid, TooLarge

MOST_IMAGES: Final = 64
MOST_BYTES: Final = 16 * 1024 * 1024
"""One image's bytes."""

_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
"""What the engine's decoder (stb_image) reads and everybody sends."""


def read_images(encoded: Sequence[object], *, field: str) -> tuple[bytes, ...]:
    """Images from base64, with or without "data:...;base64," before it.

    Raises Invalid for what is no image that can be read, TooLarge for too many
    or too large ones.
    """
    if len(encoded) > MOST_IMAGES:
        raise TooLarge(f'"{field}" holds {len(encoded)}, at most {MOST_IMAGES} are allowed', field=field)
    return tuple(read_image(text, field=f"{field}.{number}") for number, text in enumerate(encoded))


def read_image(encoded: object, *, field: str) -> bytes:
    """One image from base64; raises as read_images does."""
    image = read_base64(encoded, most=MOST_BYTES, field=field)
    if not media_type(image):
        known = ", ".join(dict.fromkeys(kind.partition("/")[2].upper() for _, kind in _KINDS))
        raise Invalid(f'"{field}" is no image that is known here', field=field, hint=f"Send one of {known}")
    return image


def media_type(image: bytes) -> str:
    """What an image is ("image/png"); empty when it is none that is known."""
    return next((kind for magic, kind in _KINDS if image.startswith(magic)), "")


def data_url(image: bytes) -> str:
    """The image as a text."""
    return f"data:{media_type(image) or 'application/octet-stream'};base64,{base64.b64encode(image).decode()}"
