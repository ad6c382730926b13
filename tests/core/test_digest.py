"""A digest has two spellings, one printed form, and no other way in."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid

HEX = "ab" * 32


def test_the_digest_of_known_bytes_is_known() -> None:
    assert (
        str(Digest.of(b"Say hi!"))
        == "sha256:f29e82a8284dbdf5910b1555580ff60b04238b8da9d5e51159ada67a4d0d5851"
    )


@pytest.mark.parametrize("text", [f"sha256:{HEX}", f"sha256-{HEX}", f"sha256:{HEX.upper()}"])
def test_every_spelling_is_the_same_digest(text: str) -> None:
    assert str(Digest.parse(text)) == f"sha256:{HEX}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX,
        f"sha256:{HEX}0",
        f"sha256:{HEX[1:]}",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f"SHA256:{HEX}",
        f"md5:{HEX}",
        f"sha256:{'g' * 64}",
        "sha256:" + "\u0661" * 64,
        f"sha256:../{HEX[3:]}",
        f"sha256:{HEX[:-1]}\0",
        "sha256:\ud800",
        "sha256:" + "a" * 10_000_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid digest") as caught:
        Digest.parse(text, field="files")
    assert caught.value.field == "files"
    assert len(str(caught.value).encode()) < 300


@pytest.mark.parametrize("text", [HEX.upper(), HEX[1:], "", "../" + HEX[3:]])
def test_no_digest_is_made_of_other_text(text: str) -> None:
    with pytest.raises(Invalid):
        Digest(text)


@given(st.binary())
def test_a_digest_is_the_sha256_and_reads_back(content: bytes) -> None:
    digest = Digest.of(content)
    assert digest.hex == hashlib.sha256(content).hexdigest()
    assert Digest.parse(str(digest)) == digest == Digest.parse(f"sha256-{digest.hex.upper()}")


@given(st.text())
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Digest.parse(text)
