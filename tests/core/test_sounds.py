"""Sounds are told by their first bytes, whatever a file is called."""

import base64

import pytest

from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.sounds import MOST_BYTES, read_sound, sound_format
from modelwright.core.weights import WeightFacts

WAV = b"RIFF\x24\0\0\0WAVEfmt "


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (WAV, "wav"),
        (b"ID3\x04rest", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", ""),
        (b"\xff\xd8\xff\xe0", ""),
        (b"", ""),
    ],
)
def test_a_sound_is_known_by_how_it_begins(content: bytes, kind: str) -> None:
    assert sound_format(content) == kind


@pytest.mark.parametrize("wrong", [None, 7, "", "***", "aGVsbG8=", [WAV]])
def test_what_is_no_sound_is_refused(wrong: object) -> None:
    with pytest.raises(Invalid, match=r"x\.data"):
        read_sound(wrong, field="x.data")


def test_a_sound_has_a_limit() -> None:
    encoded = base64.b64encode(WAV + bytes(MOST_BYTES)).decode()
    with pytest.raises(TooLarge, match=str(MOST_BYTES)):
        read_sound(encoded, field="x")


@pytest.mark.parametrize(
    ("said", "senses"),
    [
        ({}, ("vision",)),
        ({"clip.has_vision_encoder": True}, ("vision",)),
        ({"clip.has_audio_encoder": True}, ("audio",)),
        ({"clip.has_audio_encoder": True, "clip.has_vision_encoder": True}, ("vision", "audio")),
        ({"clip.has_audio_encoder": False, "clip.has_vision_encoder": True}, ("vision",)),
    ],
)
def test_a_projector_says_what_it_senses(said: dict[str, bool], senses: tuple[str, ...]) -> None:
    assert WeightFacts("projector", "gguf", "clip", 1, "F16", metadata=said).senses == senses
