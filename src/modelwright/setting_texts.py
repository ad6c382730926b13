"""How the text of a setting is read, whatever its source, and written.

Each reader gives a value or raises ValueError or Invalid. They know no setting.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from modelwright.core.address import Address
from modelwright.core.duration import parse_duration
from modelwright.core.names import ModelRef

GPUS: Final = 16
"""As many as llama.cpp uses at once (GGML_CUDA_MAX_DEVICES)."""

DEFAULT_ORIGINS: Final = (
    *(f"{scheme}://{host}{port}" for host in ("localhost", "127.0.0.1", "0.0.0.0")
      for port in ("", ":*") for scheme in ("http", "https")),
    *(f"{scheme}://*" for scheme in ("app", "file", "tauri", "vscode-webview", "vscode-file")),
)  # fmt: skip
"""Origins that Ollama always allows (envconfig/config.go, AllowedOrigins)."""


def whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 18 or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return read


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return read


def read_seconds(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < 0:
        raise ValueError(text)
    return seconds


def read_keep_alive(text: str) -> float:
    seconds = parse_duration(text)
    return math.inf if seconds < 0 else seconds


def read_timeout(text: str) -> float:
    seconds = parse_duration(text)
    return math.inf if seconds <= 0 else seconds


def read_origins(text: str) -> tuple[str, ...]:
    return (*(origin.strip() for origin in text.split(",") if origin.strip()), *DEFAULT_ORIGINS)


def read_words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def read_some_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = () if text.strip().lower() == "none" else read_words(text)
        if not set(found) <= set(words):
            raise ValueError(text)
        return found

    return read


def read_object(text: str) -> Mapping[str, Any]:
    tree = json.loads(text or "{}")
    if not isinstance(tree, dict):
        raise ValueError(text)
    return tree


def read_flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError(text)
    return text.lower() in ("true", "1")


def read_parts(text: str) -> tuple[float, ...]:
    parts = tuple(float(part) for part in text.split(",")) if text.strip() else ()
    if len(parts) > GPUS or not all(0 <= part < math.inf for part in parts) or (parts and not any(parts)):
        raise ValueError(text)
    return parts


def read_listen(text: str) -> Mapping[str, str]:
    places: dict[str, str] = {}
    for entry in read_words(text):
        dialect, equals, place = (part.strip() for part in entry.partition("="))
        address = Address.parse(place, field="listen")
        if not (dialect and equals and address.port_given) or dialect in places:
            raise ValueError(text)
        places[dialect] = address.url.partition("://")[2]
    return places


def read_engine(text: str) -> str:
    kind, _, pace = text.lower().partition(":")
    if kind not in ("llamacpp", "echo") or (pace and (kind != "echo" or parse_duration(pace) < 0)):
        raise ValueError(text)
    return text.lower()


def read_hosts(text: str) -> tuple[str, ...]:
    found = tuple(host.lower() for host in read_words(text))
    if any(not re.fullmatch(r"\*|[a-z0-9_.-]+(:\d{1,5})?", host) for host in found):
        raise ValueError(text)
    return found


def read_files(text: str) -> tuple[Path, ...]:
    return tuple(read_folder(path) for path in read_words(text))


def read_folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def read_stand_ins(*names: str) -> Callable[[str], dict[str, str]]:
    """Read "mistral=mario,llama2=luigi:7b", where only `names` stand before "="."""

    def read(text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in read_words(text):
            name, _, model = (piece.strip() for piece in part.partition("="))
            if name not in names:
                raise ValueError(text)
            found[name] = str(ModelRef.parse(model))
        return found

    return read


def show_value(name: str, value: object) -> str:
    """A value as one would write it; a password in a URL is hidden."""
    if name in ("openwebui_metadata", "openwebui_params"):
        return json.dumps(value) if value else ""
    if isinstance(value, Mapping):
        return ",".join(f"{quota}={most}" for quota, most in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    if name == "tensor_split" and isinstance(value, tuple):
        return ",".join(f"{part:g}" for part in value)
    if isinstance(value, tuple):
        return ",".join(origin for origin in value if origin not in DEFAULT_ORIGINS)
    if isinstance(value, float):
        endless = "-1" if name == "keep_alive" else "0"
        return endless if math.isinf(value) else f"{value:.12g}"
    scheme, at, rest = str(value).partition("://")
    user, colon, _ = rest.rpartition("@")[0].partition(":")
    return f"{scheme}{at}{user}:***@{rest.rpartition('@')[2]}" if colon else str(value)
