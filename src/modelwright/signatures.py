"""Signatures: a model's manifest, signed with a key of one's own.

The manifest names every byte of a model by digest, so its signature is over all of
them. Keys are elliptic, in PEM; the signature is OpenSSF's model signing (a Sigstore bundle)
over a folder with the manifest as its one file. Needs the extra `sign`.
"""

import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from anyio import to_thread

from modelwright.core.errors import Denied, Invalid, Unsupported

_FILE: Final = "manifest.json"
_SIGNATURE: Final = "signature.json"


def sign(manifest: bytes, key: Path) -> bytes:
    """Sign with a private key; raises Invalid for one that cannot be used."""
    _check_installed()
    from model_signing import signing

    def work(model: Path, signature: Path) -> None:
        config = signing.Config()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        config.use_elliptic_key_signer(private_key=key).sign(model, signature)

    if not key.is_file():
        raise Invalid(f"{key} is not a file", hint="Name a private key in PEM")
    try:
        return _in_folder(manifest, b"", work)
    except (ValueError, TypeError, OSError) as error:
        raise Invalid(f"{key} cannot sign: {error}", hint="It must be an elliptic key in PEM") from error


def is_signed(manifest: bytes, signature: bytes, key: Path) -> bool:
    """Whether the signature is of this manifest, by the key of this public one."""
    _check_installed()
    from model_signing import verifying

    def work(model: Path, signature: Path) -> None:
        config = verifying.Config()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        config.use_elliptic_key_verifier(public_key=key).verify(model, signature)

    try:
        _in_folder(manifest, signature, work)
    except Exception:  # whatever a bundle from outside makes of the library, it is no proof
        return False
    return True


class TrustedKeys:
    """Implements core.transfer_ports.Verifier.

    Models of `hosts` must be signed by one of `keys`.
    """

    def __init__(self, hosts: Sequence[str], keys: Sequence[Path]) -> None:
        self._hosts = frozenset(hosts)
        self._keys = tuple(keys)

    def wants(self, host: str) -> bool:
        return host.lower() in self._hosts or "*" in self._hosts

    async def check(self, manifest: bytes, signatures: Sequence[bytes]) -> None:
        if not self._keys:
            raise Denied("no key is trusted", hint="Name public keys with the setting trusted_keys")
        for signature in signatures:
            for key in self._keys:
                if await to_thread.run_sync(is_signed, manifest, signature, key):
                    return
        raise Denied(
            "the model is not signed with a key that is trusted" if signatures else "the model is not signed",
            hint="The settings verify and trusted_keys say what is wanted",
        )


def _in_folder(manifest: bytes, signature: bytes, work: Callable[[Path, Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        model, place = Path(folder, "model"), Path(folder, _SIGNATURE)
        model.mkdir()
        (model / _FILE).write_bytes(manifest)
        place.write_bytes(signature)
        work(model, place)
        return place.read_bytes()


def _check_installed() -> None:
    if importlib.util.find_spec("model_signing") is None:
        raise Unsupported(
            "signatures need the extra sign", hint='Install it with: pip install "modelwright[sign]"'
        )
