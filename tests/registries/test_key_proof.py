"""A registry of Ollama's kind lets in whom a signature proves, and no password is sent."""

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from modelwright.core.errors import Invalid
from modelwright.registries.key_proof import is_key, prove, read_public
from tests.registries.conftest import Opening
from tests.registries.scripted import Keeping, Scripted

pytest.importorskip("cryptography", reason="the extra sign is not installed")
pytestmark = pytest.mark.anyio


def made() -> tuple[str, str]:
    """A private key, and the public one as an account lists it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


def is_proof(said: str, public: str, url: str) -> bool:
    """What the registry checks: the signature of the URL it was asked for."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    shown, _, signature = said.partition(":")
    key = load_ssh_public_key(public.encode())
    nothing = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    assert isinstance(key, Ed25519PublicKey)
    try:
        key.verify(base64.b64decode(signature), f"GET,{url},{nothing}".encode())
    except InvalidSignature:
        return False
    return shown == public.split()[1]


def test_the_signature_is_over_the_very_url() -> None:
    private, public = made()
    said = prove(private, "https://ollama.com/v2/token?nonce=a")
    assert is_proof(said, public, "https://ollama.com/v2/token?nonce=a")
    assert not is_proof(said, public, "https://ollama.com/v2/token?nonce=b")
    assert read_public(private) == public.split()[1]
    assert is_key(private)
    assert not is_key("secret")
    with pytest.raises(Invalid, match="cannot be read"):
        read_public(private[:60])


def closed(scripted: Scripted, public: str) -> list[str]:
    """Let the registry take only whom its tokens name; gives the URLs that were asked."""
    asked: list[str] = []
    realm = f'Bearer realm="http://{scripted.host}/token",service="ollama",scope="repository:team/evil:push"'

    def token(it: object) -> None:
        url = f"http://{scripted.host}{it.path}"  # type: ignore[attr-defined] - a handler
        asked.append(url)
        said = it.headers.get("Authorization", "")  # type: ignore[attr-defined] - a handler
        good = is_proof(said, public, url)
        it.give(200 if good else 401, json.dumps({"token": "let-me-in"}).encode())  # type: ignore[attr-defined] - a handler

    scripted.rules.insert(0, ("GET /token", token))
    scripted.closed_by = realm
    return asked


async def test_it_opens_a_registry_that_knows_the_key(
    opening: Opening, scripted: Scripted, tmp_path: Path
) -> None:
    private, public = made()
    Keeping(scripted)
    asked = closed(scripted, public)
    async with opening("one", scripted.host) as house:
        await house.done("/api/create", model=scripted.name, **{"from": "starter"}, system="x")
        refused = await house.ask("/api/push", model=scripted.name, insecure=True)
        assert refused.status_code == 403
        login = {"registry": scripted.host, "username": "", "insecure": True}
        other = await house.ask("/api/modelwright/login", **login, password=made()[0])
        assert other.status_code == 403, "a key that the registry does not know"
        await house.done("/api/modelwright/login", **login, password=private)
        await house.done("/api/push", model=scripted.name, insecure=True)
        assert (house.home / "credentials.json").stat().st_mode & 0o777 == 0o600
    query = parse_qs(urlsplit(asked[-1]).query)
    assert query["service"] == ["ollama"]
    assert query["scope"] == ["repository:team/evil:push"]
    assert query["ts"][0].isdigit()
    nonces = [parse_qs(urlsplit(url).query).get("nonce") for url in asked[1:]]
    assert len({str(nonce) for nonce in nonces}) == len(nonces)
    sent = json.dumps([headers for _, headers in scripted.seen])
    assert private.splitlines()[1] not in sent
