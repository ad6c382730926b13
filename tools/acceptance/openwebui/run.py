"""A real Open WebUI, started headless, with modelwright as its provider.

`python -m tools.acceptance.openwebui.run PATH_OF_OPEN_WEBUI`; README.md says more.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import httpx2

_STARTS_WITHIN: Final = 240.0
_WEIGHTS: Final = files("modelwright.starter") / "starter-f16.gguf"
_HI: Final = [{"role": "user", "content": "hello there"}]
_SILENCE: Final = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\0\0\0"
_WRAPPER: Final = {
    "id": "team-helper",
    "name": "Team helper",
    "base_model_id": "starter:latest",
    "meta": {"description": "Helps the team", "tags": [{"name": "team"}], "capabilities": {"vision": False}},
    "params": {"system": "You help the team.", "temperature": 0},
    "access_grants": [],
}


def main(arguments: list[str]) -> int:
    """Run every step; 0 when all passed."""
    if len(arguments) != 1:
        print("usage: python -m tools.acceptance.openwebui.run PATH_OF_OPEN_WEBUI")
        return 2
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours, theirs = _free_port(), _free_port()
        stack.enter_context(_server(_our_command(ours, folder), {}, Path(folder, "ours.log")))
        us = stack.enter_context(_client(ours, "/readyz"))
        command = [arguments[0], "serve", "--host", "127.0.0.1", "--port", str(theirs)]
        stack.enter_context(_server(command, _environment(ours, folder), Path(folder, "theirs.log")))
        them = stack.enter_context(_client(theirs, "/health"))
        failed = [name for name, passed in _steps(us, them) if not passed]
        failed += [name for name, passed in _answered(Path(folder, "ours.log")) if not passed]
    print("all passed" if not failed else f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _steps(us: httpx2.Client, them: httpx2.Client) -> Iterator[tuple[str, bool]]:
    """Each step, and whether it passed."""
    token = them.post("/api/v1/auths/signin", json={"email": "", "password": ""}).json()["token"]
    them.headers["Authorization"] = f"Bearer {token}"
    models = {each["id"]: each for each in them.get("/api/models").json()["data"]}
    yield _said("it lists our models", "starter:latest" in models, sorted(models))
    for provider in ("ollama", "openai"):
        path = "/ollama/api/tags" if provider == "ollama" else "/openai/models"
        answer = them.get(path)
        yield _said(f"it sees us as its {provider}", "starter:latest" in answer.text, answer.status_code)
    direct = {"model": "starter:latest", "messages": _HI, "stream": False}
    answer = them.post("/ollama/v1/chat/completions", json=direct)
    yield _said("it chats through Ollama's API", "hello" in answer.text, answer.text[:200])
    answer = them.post("/openai/chat/completions", json=direct)
    yield _said("it chats through OpenAI's API", "hello" in answer.text, answer.text[:200])
    answer = them.post("/api/v1/models/create", json=_WRAPPER)
    yield _said("it makes a wrapper of our model", answer.status_code == 200, answer.text[:200])
    them.get("/api/models", params={"refresh": "true"})
    answer = them.post("/api/chat/completions", json={**direct, "model": "team-helper"})
    yield _said("it chats with the wrapper", "hello" in answer.text, answer.text[:200])
    yield from _managed(them)
    yield from _carried(us, them)


def _managed(them: httpx2.Client) -> Iterator[tuple[str, bool]]:
    """What its pages for connections and models ask of us, and its documents."""
    made = them.post("/ollama/api/create", json={"model": "pirate", "from": "starter", "system": "Ahoy."})
    yield _said("it creates a model here", '"success"' in made.text, made.text[-200:])
    weights = {"file": ("mine.gguf", _WEIGHTS.read_bytes())}
    answer = them.post("/ollama/models/upload", files=weights)
    yield _said("it brings a GGUF here", '"done":true' in answer.text, answer.text[-200:])
    _look_again(them)
    names = {"source": "pirate:latest", "destination": "sailor"}
    answer = them.post("/ollama/api/copy", json=names)
    yield _said("it copies a model", answer.status_code == 200, answer.text[:200])
    _look_again(them)
    chat = {"model": "sailor:latest", "messages": _HI, "stream": True}
    answer = them.post("/api/chat/completions", json=chat)
    yield _said("it streams an answer", answer.text.rstrip().endswith("data: [DONE]"), answer.text[-200:])
    answer = them.post("/ollama/api/unload", json={"model": "sailor:latest"})
    yield _said("it unloads a model", answer.status_code == 200, answer.text[:200])
    answer = them.request("DELETE", "/ollama/api/delete", json={"model": "sailor:latest"})
    yield _said("it deletes a model", answer.status_code == 200, answer.text[:200])
    answer = them.post("/api/embeddings", json={"model": "starter:latest", "input": ["hello"]})
    yield _said("it has texts embedded", answer.status_code == 200, answer.text[:200])
    sound = {"file": ("said.wav", _SILENCE, "audio/wav")}
    answer = them.post("/api/v1/audio/transcriptions", files=sound)
    yield _said(
        "its microphone is told who hears", "does not support audio" in answer.text, answer.text[:200]
    )


def _look_again(them: httpx2.Client) -> None:
    """It knows which models we have for a second; a person takes longer to click."""
    time.sleep(1.1)
    them.get("/api/models", params={"refresh": "true"})


def _answered(log: Path) -> Iterator[tuple[str, bool]]:
    """Whether we knew every route that it asked for, and broke at none."""
    asked = re.findall(r'"([A-Z]+ \S+) HTTP/1\.1" (\d+)', log.read_text(errors="replace"))
    bad = sorted({f"{what} {status}" for what, status in asked if status in ("404", "405", "422", "500")})
    yield _said("we answered all that it asked", bool(asked) and not bad, bad or "no request was seen")


def _carried(us: httpx2.Client, them: httpx2.Client) -> Iterator[tuple[str, bool]]:
    """The wrapper from there to here, and back."""
    exported = them.get("/api/v1/models/export").json()
    answer = us.post("/api/v1/models/import", json={"models": exported})
    yield _said("we import what it exports", answer.text == "true", answer.text[:200])
    chat = {"model": "team-helper", "messages": _HI}
    answer = us.post("/api/chat/completions", json=chat)
    yield _said("we chat with it", "hello" in answer.text, answer.text[:200])
    shown = us.post("/api/show", json={"model": "team-helper"}).json()
    yield _said("Ollama's clients see it", shown.get("system") == "You help the team.", shown.get("system"))
    back = us.get("/api/v1/models/export").json()
    answer = them.post("/api/v1/models/import", json={"models": back})
    yield _said("it imports what we export", answer.text == "true", answer.text[:200])
    there = _plain(them.get("/api/v1/models/model", params={"id": "team-helper"}).json())
    here = _plain(us.get("/api/v1/models/model", params={"id": "team-helper"}).json())
    yield _said("both say the same of it", there == here, {"there": there, "here": here})


def _plain(tree: dict[str, Any]) -> dict[str, Any]:
    """What both must say alike."""
    meta = {name: value for name, value in tree["meta"].items() if value is not None}
    kept = {name: tree[name] for name in ("id", "name", "base_model_id", "params", "is_active")}
    return {**kept, "meta": meta}


def _said(step: str, passed: bool, seen: object) -> tuple[str, bool]:
    print(f"{'ok  ' if passed else 'FAIL'} {step}" + ("" if passed else f": {seen}"), flush=True)
    return step, passed


def _our_command(port: int, folder: str) -> list[str]:
    home = str(Path(folder, "home"))
    return [
        *(sys.executable, "-m", "modelwright", "serve", "--engine", "echo"),
        *("--port", str(port), "--home", home, "--log-level", "debug"),
    ]


def _environment(port: int, folder: str) -> dict[str, str]:
    """Open WebUI alone with us: nobody signs in, nothing is fetched."""
    return {
        "DATA_DIR": str(Path(folder, "webui")),
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "for this run only",
        "OLLAMA_BASE_URL": f"http://127.0.0.1:{port}",
        "ENABLE_OLLAMA_API": "True",
        "OPENAI_API_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "none",
        "ENABLE_OPENAI_API": "True",
        "OFFLINE_MODE": "True",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "openai",
        "AUDIO_STT_ENGINE": "openai",
        "AUDIO_STT_OPENAI_API_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "AUDIO_STT_OPENAI_API_KEY": "none",
        "AUDIO_STT_MODEL": "starter",
        "SCARF_NO_ANALYTICS": "true",
        "DO_NOT_TRACK": "true",
    }


@contextmanager
def _server(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=output, stderr=output, cwd=log.parent
        )
        try:
            yield
        except BaseException:
            print(log.read_text(errors="replace")[-3000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _client(port: int, path: str) -> Iterator[httpx2.Client]:
    """A client of a server, once that answers."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        give_up = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                if client.get(path).status_code == 200:
                    break
            except httpx2.TransportError:
                pass
            if time.monotonic() > give_up:
                raise SystemExit(f"the server on port {port} did not start")
            time.sleep(0.5)
        yield client


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
