"""sentencepiece: the pieces of a tokenizer.model, read as if an enemy wrote it.

The file is a protocol buffer (google/sentencepiece, sentencepiece_model.proto);
the few fields that matter are read here and all others walked over.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.weights.bounded import open_bounded
from modelwright.weights.gguf import TOKEN, TOKENS

LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a tokenizer.model; the largest known ones have 5 MiB."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_BPE: Final = 2
_MODEL_TYPES: Final = {1: "UNIGRAM", 3: "WORD", 4: "CHAR"}
NORMAL: Final = 1
KINDS: Final = (1, 2, 3, 4, 5, 6)
"""Normal, unknown, control, user-defined, unused, byte: ggml has the same numbers."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A vocabulary; `prefixed`: a space is put before a text (add_dummy_prefix)."""

    tokens: tuple[bytes, ...]
    scores: tuple[float, ...]
    kinds: tuple[int, ...]
    prefixed: bool


def read_pieces(path: Path) -> Pieces:
    """Read a tokenizer.model; raises Unsupported unless it merges pairs (BPE).

    The engine merges by score, which is what BPE models do; a unigram model
    would be cut into other tokens than those it was trained with.
    """
    with open_bounded(path, LIMIT) as file:
        content = file.take(file.size, path.name)
    tokens: list[bytes] = []
    scores: list[float] = []
    kinds: list[int] = []
    model_type, prefixed = 1, True
    for number, value in _fields(content, path.name):
        if number == 1 and isinstance(value, bytes):
            token, score, kind = _piece(value, f"{path.name}: piece {len(tokens)}")
            tokens.append(token)
            scores.append(score)
            kinds.append(kind)
            if len(tokens) > TOKENS:
                raise Invalid(f"{path.name}: more than {TOKENS} pieces")
        elif number == 2 and isinstance(value, bytes):
            model_type = _number(value, 3, model_type, path.name)
        elif number == 3 and isinstance(value, bytes):
            prefixed = bool(_number(value, 3, prefixed, path.name))
    if not tokens:
        raise Invalid(f"{path.name}: no pieces in it, so it is not a SentencePiece model")
    if model_type != _BPE:
        kind_name = _MODEL_TYPES.get(model_type, str(model_type))
        raise Unsupported(
            f"{path.name}: a SentencePiece model of type {kind_name}, only BPE can be converted"
        )
    return Pieces(tuple(tokens), tuple(scores), tuple(kinds), prefixed)


def _piece(content: bytes, what: str) -> tuple[bytes, float, int]:
    token, score, kind = b"", 0.0, NORMAL
    for number, value in _fields(content, what):
        if number == 1 and isinstance(value, bytes):
            token = value
        elif number == 2 and isinstance(value, float):
            score = value
        elif number == 3 and isinstance(value, int):
            kind = value
    if not 0 < len(token) <= TOKEN or kind not in KINDS or not abs(score) < 1e30:
        raise Invalid(f"{what} is not sound: {token[:40]!r}, score {score}, kind {kind}")
    return token, score, kind


def _number(content: bytes, wanted: int, otherwise: int, what: str) -> int:
    for number, value in _fields(content, what):
        if number == wanted and isinstance(value, int):
            otherwise = value
    return otherwise


def _fields(content: bytes, what: str) -> Iterator[tuple[int, int | float | bytes]]:
    """Yield the fields of a message: number, and a varint, a 32-bit float or bytes."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position, what)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(content, position, what)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _varint(content, position, what)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise Invalid(f"{what}: not a protocol buffer")
        end = position + length
        if end > len(content):
            raise Invalid(f"{what}: a field of {length} bytes, {len(content) - position} are left")
        found = content[position:end]
        yield tag >> 3, struct.unpack("<f", found)[0] if kind == _FIXED32 else found
        position = end


def _varint(content: bytes, position: int, what: str) -> tuple[int, int]:
    value = shift = 0
    while position < len(content) and shift < 70:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise Invalid(f"{what}: not a protocol buffer")
