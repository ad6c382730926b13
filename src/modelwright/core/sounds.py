"""Sounds: what a request may bring of them, told by their first bytes.

They travel where images do, for a model that hears takes both in one row. Knows no
decoder: a sound that is damaged inside is the engine's to refuse.
"""

from typing import Final

from modelwright.core.encoded import read_base64
from modelwright.core.errors import Invalid, TooLarge

MOST_BYTES: Final = 25 * 1024 * 1024
"""One sound's bytes, as OpenAI's transcriptions take."""


def sound_format(content: bytes) -> str:
    """What a sound is ("wav", "mp3"), as the engine takes it; empty when it is none."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "wav"
    # A frame of MPEG layer III begins with eleven bits that are set; a tag may precede it.
    framed = content[:1] == b"\xff" and content[1:2] in (b"\xfb", b"\xf3", b"\xf2", b"\xfa")
    return "mp3" if content[:3] == b"ID3" or framed else ""


def check_sound(content: bytes, *, field: str) -> bytes:
    """See that it is a sound; raises Invalid or TooLarge."""
    if len(content) > MOST_BYTES:
        raise TooLarge(f'"{field}" is over the limit of {MOST_BYTES} bytes', field=field)
    if not sound_format(content):
        raise Invalid(f'"{field}" is no sound that is known here', field=field, hint="Send one of WAV, MP3")
    return content


def read_sound(encoded: object, *, field: str) -> bytes:
    """One sound from base64; raises Invalid or TooLarge."""
    return check_sound(read_base64(encoded, most=MOST_BYTES, field=field), field=field)
