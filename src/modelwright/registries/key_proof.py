"""KeyProof: a token asked for with a signature instead of a password.

So does Ollama's registry know its users: by an Ed25519 key whose public half stands in
their account (Ollama, server/auth.go, auth/auth.go). What is signed is the URL that
is asked, with the time and a nonce in it. Needs the extra `sign`.
"""

import base64
import hashlib
import importlib.util
from typing import TYPE_CHECKING, Final

from modelwright.core.errors import Invalid, Unsupported

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_MARK: Final = "-----BEGIN OPENSSH PRIVATE KEY-----"
_NOTHING: Final = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()


def is_key(secret: str) -> bool:
    """Whether a kept secret is a private key and no password."""
    return secret.lstrip().startswith(_MARK)


def read_public(key: str) -> str:
    """The public half, in base64, as it stands in an account's list of keys.

    Raises Invalid for a key that cannot be used.
    """
    return _opened(key)[0]


def prove(key: str, url: str) -> str:
    """What the Authorization field says in a GET of exactly this URL."""
    public, sign = _opened(key)
    return f"{public}:{base64.b64encode(sign.sign(f'GET,{url},{_NOTHING}'.encode())).decode()}"


def _opened(key: str) -> "tuple[str, Ed25519PrivateKey]":
    if importlib.util.find_spec("cryptography") is None:
        raise Unsupported(
            "keys of registries need the extra sign", hint='Install it with: pip install "modelwright[sign]"'
        )
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    hint = "It is an Ed25519 key in OpenSSH's form without a passphrase, such as ~/.ollama/id_ed25519"
    try:
        found = serialization.load_ssh_private_key(key.strip().encode() + b"\n", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Invalid("the private key cannot be read", field="password", hint=hint) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise Invalid("the private key is of another kind", field="password", hint=hint)
    line = found.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return line.decode().split()[1], found
