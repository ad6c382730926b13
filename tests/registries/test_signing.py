"""A signature is over every byte of a model, and can be wanted of a registry."""

from pathlib import Path

import pytest

from modelwright import signatures
from tests.registries.conftest import House, Opening

pytest.importorskip("model_signing", reason="the extra sign is not installed")
pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return made(tmp_path, "mine")


def made(folder: Path, name: str) -> tuple[Path, Path]:
    """A private key and its public one."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


async def signed(house: House, name: str, key: Path) -> None:
    answer = await house.client.get("/api/modelwright/manifest", params={"model": name})
    signature = signatures.sign(answer.json()["manifest"].encode(), key).decode()
    await house.done("/api/modelwright/sign", model=name, signature=signature)


async def verified(house: House, name: str) -> str:
    """The error, or "" ."""
    answer = await house.ask("/api/modelwright/verify", model=name)
    return "" if answer.status_code == 200 else str(answer.json()["error"]["message"])


def test_a_changed_byte_anywhere_fails(keys: tuple[Path, Path]) -> None:
    content = b'{"layers":["sha256:0123456789"]}'
    signature = signatures.sign(content, keys[0])
    assert signatures.is_signed(content, signature, keys[1])
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert not signatures.is_signed(changed, signature, keys[1])
    assert not signatures.is_signed(content, b"{}", keys[1])


async def test_it_goes_along_and_is_wanted(
    opening: Opening, cncf: str, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    name, policy = f"{cncf}/team/signed", {"verify": cncf, "trusted_keys": str(keys[1])}
    async with opening("one", cncf) as one, opening("two", cncf, **policy) as two:
        await one.done("/api/create", model=name, **{"from": "starter"}, system="x")
        await one.done("/api/push", model=name, insecure=True)
        refused = await two.ask("/api/pull", model=name, insecure=True)
        assert refused.status_code == 403
        assert "the model is not signed" in refused.json()["error"]
        await signed(one, name, made(tmp_path, "other")[0])
        await one.done("/api/push", model=name, insecure=True)
        refused = await two.ask("/api/pull", model=name, insecure=True)
        assert "not signed with a key that is trusted" in refused.json()["error"]
        assert not await two.digest(name)
        await signed(one, name, keys[0])
        await one.done("/api/push", model=name, insecure=True)
        await two.done("/api/pull", model=name, insecure=True)
        assert await verified(two, name) == ""
        await two.done("/api/create", model=name, **{"from": name}, system="y")
        assert "not signed" in await verified(two, name)


async def test_a_changed_blob_is_no_longer_vouched_for(opening: Opening, keys: tuple[Path, Path]) -> None:
    async with opening("one", trusted_keys=str(keys[1])) as house:
        await signed(house, "starter", keys[0])
        assert await verified(house, "starter") == ""
        tree = (await house.client.get("/api/modelwright/manifest", params={"model": "starter"})).json()
        weights = next(path for path in (house.home / "blobs").iterdir() if path.name[7:] in tree["manifest"])
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.unlink()
        weights.write_bytes(content)
        assert "damaged on disk" in await verified(house, "starter")


async def test_a_file_takes_signatures_along_and_the_policy_holds_for_it(
    opening: Opening, keys: tuple[Path, Path]
) -> None:
    policy = {"verify": "registry.ollama.ai", "trusted_keys": str(keys[1])}
    async with opening("one") as one, opening("two", **policy) as two:
        await one.done("/api/create", model="mine", **{"from": "starter"}, system="x")
        files = []
        for sign in (False, True):
            if sign:
                await signed(one, "mine", keys[0])
            found = await one.client.get("/api/modelwright/export", params={"model": "mine"})
            files.append(found.content)
        for query in ({}, {"name": "other"}, {"name": "example.com/team/other"}):
            refused = await two.client.post("/api/modelwright/import", params=query, content=files[0])
            assert refused.status_code == 403, query
            assert "the model is not signed" in refused.json()["error"]["message"]
        assert not await two.digest("other")
        taken = await two.client.post("/api/modelwright/import", content=files[1])
        assert taken.status_code == 200, taken.text
        assert await verified(two, "mine") == ""
