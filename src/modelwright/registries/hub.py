"""Hub: whole repositories of Hugging Face or a mirror, through its own library.

What `hf.co/...` does not offer as a registry: safetensors, single GGUF files, mirrors and
the cache of HF_HOME. The library runs in a child (hub_child.py), which ends with the
pull that wants it; it reads HF_HOME, HF_TOKEN, HF_HUB_OFFLINE and HF_ENDPOINT itself.
"""

import asyncio
import importlib.util
import json
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from modelwright.core.errors import Corrupt, ModelwrightError, NotFound, Unavailable, Unsupported
from modelwright.core.transfer_ports import HubEvent, HubFile
from modelwright.registries.hub_child import KINDS

HOSTS: Final = frozenset(("hf.co", "huggingface.co"))
_OFF: Final = ("", "0", "false", "no", "off")
_LONGEST_LINE: Final = 1024 * 1024


class HuggingFace:
    """Implements core.transfer_ports.Hub; `environ` is what the child is given."""

    def __init__(self, registries: Sequence[str], environ: Mapping[str, str]) -> None:
        self._registries = list(registries)
        # Without the second the library's own binary downloads beside the rules of traffic.py.
        self._environ = {**environ, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}

    def serves(self, host: str) -> bool:
        return host.lower() in HOSTS

    @property
    def is_elsewhere(self) -> bool:
        """Whether hf.co itself is not to be asked: a mirror, or only what is here."""
        offline = self._environ.get("HF_HUB_OFFLINE", "").lower() not in _OFF
        return offline or bool(self._environ.get("HF_ENDPOINT"))

    async def fetch(self, repository: str, revision: str) -> AsyncGenerator[HubEvent, None]:
        if importlib.util.find_spec("huggingface_hub") is None:
            raise Unsupported(
                f"{repository} is no registry's model, and whole repositories need the extra hub",
                hint='Install it with: pip install "modelwright[hub]"',
            )
        job = {"repository": repository, "revision": revision, "registries": self._registries}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "modelwright.registries.hub_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environ,
            limit=_LONGEST_LINE,
        )
        try:
            assert child.stdin is not None  # both are pipes
            assert child.stdout is not None
            child.stdin.write(json.dumps(job).encode())
            child.stdin.close()
            async for line in child.stdout:
                yield _event(json.loads(line))
            if await child.wait():
                raise Unavailable(f"fetching {repository} failed: its process ended with {child.returncode}")
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


def _event(said: Mapping[str, Any]) -> HubEvent:
    if "error" in said:
        raise _failure(said)
    return HubFile(str(said["file"]), str(said["path"])) if "file" in said else str(said["begun"])


def _failure(said: Mapping[str, Any]) -> ModelwrightError:
    if said["error"] == NotFound.kind:
        failure = NotFound("repository", "", hint=str(said["hint"]))
        failure.message = str(said["message"])
        return failure
    kind = KINDS.get(str(said["error"]), Corrupt)
    return kind(str(said["message"]), hint=str(said["hint"]))
