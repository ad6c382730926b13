"""No damaged GGUF does more than be refused: no crash, no hang, no allocation."""

import os
import random
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from modelwright.core.errors import Invalid
from modelwright.weights.gguf import read_facts, read_header
from tests.effort import least_effort

Write = Callable[[bytes], Path]
PROVE = bool(os.environ.get("PROVE"))
MEGABYTE = 1024 * 1024
EDGES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**60, 2**63 - 1, 2**63, 2**64 - 1)


@contextmanager
def allocating_less_than(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit


def refuses_every_prefix(path: Path, lengths: list[int]) -> None:
    for length in sorted(lengths, reverse=True):
        os.truncate(path, length)
        with pytest.raises(Invalid):
            read_facts(path)


def test_every_prefix_is_refused(sound: bytes, write: Write) -> None:
    path = write(sound)
    read_facts(path)
    with allocating_less_than(4 * MEGABYTE):
        refuses_every_prefix(path, list(range(len(sound))))


@pytest.mark.limit(900)
def test_every_prefix_of_the_starter_is_refused(starter: bytes, write: Write) -> None:
    path = write(starter)
    header = read_header(path)
    lengths = list(range(header.start)) + random.Random(5).sample(range(header.start, len(starter)), 200)
    refuses_every_prefix(path, lengths if PROVE else random.Random(6).sample(lengths, 500))


@pytest.mark.parametrize("claimed", [2**24, 2**40, 2**60, 2**64 - 1])
@pytest.mark.parametrize("at", ["tensors", "entries", "key", "text", "array", "strings"])
def test_a_claim_is_not_believed(write: Write, at: str, claimed: int) -> None:
    entry = struct.pack("<Q", 1) + b"k"
    starts = {
        "tensors": struct.pack("<QQ", claimed, 0),
        "entries": struct.pack("<QQ", 0, claimed),
        "key": struct.pack("<QQQ", 0, 1, claimed),
        "text": struct.pack("<QQ", 0, 1) + entry + struct.pack("<IQ", 8, claimed),
        "array": struct.pack("<QQ", 0, 1) + entry + struct.pack("<IIQ", 9, 10, claimed),
        "strings": struct.pack("<QQ", 0, 1) + entry + struct.pack("<IIQ", 9, 8, claimed),
    }
    path = write(b"GGUF" + struct.pack("<I", 3) + starts[at] + bytes(1000))
    with allocating_less_than(2 * MEGABYTE), pytest.raises(Invalid):
        read_facts(path)


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Damage a file in one to four places of its header."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(min(len(found), 2000))
        match chance.randrange(5):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + 8] = struct.pack("<Q", chance.choice(EDGES))
            case 2:
                found[at : at + 4] = struct.pack("<I", chance.choice(EDGES) & 0xFFFFFFFF)
            case 3:
                found[at:at] = found[chance.randrange(len(found)) :][: chance.randint(1, 64)]
            case _:
                del found[at : at + chance.randint(1, 64)]
    return bytes(found)


@pytest.mark.limit(900)
def test_a_mutation_is_read_or_refused(sound: bytes, write: Write) -> None:
    chance = random.Random(7)
    slowest = 0.0
    with allocating_less_than(64 * MEGABYTE):
        for _ in range(20_000 if PROVE else 1_500):
            path = write(mutate(sound, chance))
            begin = time.process_time()
            with suppress(Invalid):
                read_facts(path)
            slowest = max(slowest, time.process_time() - begin)
    assert slowest < 2


def vocabulary(count: int) -> bytes:
    """A header with `count` tokens and as many merges."""

    def strings(key: bytes, begin: bytes) -> bytes:
        words = (begin + str(number).encode() for number in range(count))
        packed = b"".join(struct.pack("<Q", len(word)) + word for word in words)
        return struct.pack("<Q", len(key)) + key + struct.pack("<IIQ", 9, 8, count) + packed

    architecture = struct.pack("<Q", 20) + b"general.architecture" + struct.pack("<IQ", 8, 5) + b"llama"
    entries = strings(b"tokenizer.ggml.tokens", b"t") + strings(b"tokenizer.ggml.merges", b"a b")
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 3) + architecture + entries


def test_a_large_vocabulary_is_read_quickly(write: Write) -> None:
    path = write(vocabulary(128_000))
    assert least_effort(lambda: read_facts(path)) < 1  # 0.2 s on an idle machine


def test_a_large_vocabulary_takes_little_memory(write: Write) -> None:
    path = write(vocabulary(100_000))
    with allocating_less_than(12 * MEGABYTE):
        read_facts(path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "absent"])
@pytest.mark.limit(10)
def test_only_regular_files_are_opened(tmp_path: Path, sound: bytes, kind: str) -> None:
    path = tmp_path / "some.gguf"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "real.gguf").write_bytes(sound)
        path.symlink_to(tmp_path / "real.gguf")
    with pytest.raises(Invalid, match=r"some\.gguf"):
        read_facts(path)
