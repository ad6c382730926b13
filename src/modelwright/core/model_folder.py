"""Model folder: which files of a folder are a model, or an adapter.

Decides by names and by the first bytes; who lists and reads is elsewhere. The
patterns and their order are Ollama's (parser/parser.go, filesForModel); an
adapter is what PEFT saves.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, TypeAlias

from modelwright.core.errors import Invalid

Kind: TypeAlias = Literal["zip", "binary", "text", "pointer"]
KindOf: TypeAlias = Callable[[str], Kind]

HEAD: Final = 512
"""Bytes of a file that tell its kind (Go, net/http, DetectContentType)."""

_ANY: Final = frozenset[Kind](("zip", "binary", "text"))
_ZIP: Final = frozenset[Kind](("zip",))
_BINARY: Final = frozenset[Kind](("binary",))

_WEIGHTS: Final[Sequence[tuple[str, frozenset[Kind]]]] = (
    (r"model[^/]*\.safetensors", _ANY),
    (r"consolidated[^/]*\.safetensors", _ANY),
    (r"pytorch_model[^/]*\.bin", _ZIP),
    (r"consolidated[^/]*\.pth", _ZIP),
    (r"[^/]*\.gguf", _BINARY),
    (r"[^/]*\.bin", _BINARY),
)
"""The first pattern that a file of its kind matches decides."""

_BELOW: Final = r"[^/]+/model[^/]*\.safetensors"
_BESIDE: Final = re.compile(r"([^/]+/)?[^/]*\.json|chat_template\.jinja")
_TOKENIZER: Final = "tokenizer.model"
_ADAPTER: Final = re.compile(r"adapter_model[^/]*\.safetensors")
_ADAPTER_CONFIG: Final = "adapter_config.json"

_LFS: Final = b"version https://git-lfs.github.com/"
_CONTROL: Final = frozenset(range(0x20)) - frozenset(b"\t\n\f\r\x1b")


def kind_of(head: bytes) -> Kind:
    """Tell what a file is by its first `HEAD` bytes; a pointer is Git LFS's."""
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(_LFS):
        return "pointer"
    return "binary" if _CONTROL & set(head[:HEAD]) else "text"


def choose_model_files(paths: Iterable[str], kind: KindOf) -> tuple[str, ...]:
    """Choose what makes a model from a folder and the folders in it.

    Paths are relative to the folder. Raises Invalid when there are no weights.
    """
    found = sorted(path for path in paths if not any(part.startswith(".") for part in path.split("/")))
    weights = _weights(found, kind)
    return tuple(dict.fromkeys([*weights, *filter(_BESIDE.fullmatch, found), *_tokenizer(found)]))


def without_company(paths: Sequence[str]) -> tuple[str, ...]:
    """The chosen files without those that say nothing a GGUF does not hold itself.

    Upstream sends them too, and its server then refuses what is no GGUF.
    """
    if any(path.endswith((".safetensors", ".pth")) for path in paths):
        return tuple(paths)
    return tuple(path for path in paths if path.endswith((".gguf", ".bin")))


def choose_adapter_files(paths: Iterable[str], kind: KindOf) -> tuple[str, ...]:
    """Choose what PEFT saved of an adapter; raises Invalid when something is missing."""
    found = set(paths)
    weights = sorted(path for path in found if _ADAPTER.fullmatch(path))
    if not weights or _ADAPTER_CONFIG not in found:
        raise Invalid(
            "no adapter files found",
            field="adapter",
            hint=f"A folder has {_ADAPTER_CONFIG} and adapter_model.safetensors",
        )
    for path in weights:
        _refuse_pointer(path, kind(path))
    return (_ADAPTER_CONFIG, *weights)


def _weights(paths: Sequence[str], kind: KindOf) -> list[str]:
    unfit: list[str] = []
    for at, (pattern, kinds) in enumerate(_WEIGHTS):
        named = [path for path in paths if re.fullmatch(pattern, path)]
        if at == 0 and named:
            named += [path for path in paths if re.fullmatch(_BELOW, path)]
        kinds_found = {path: kind(path) for path in named}
        for path, found in kinds_found.items():
            _refuse_pointer(path, found)
        unfit += [path for path, found in kinds_found.items() if found not in kinds]
        if named and kinds.issuperset(kinds_found.values()):
            return named
    hint = f"{unfit[0]} does not hold what its name says" if unfit else ""
    raise Invalid("no Modelfile or safetensors files found", field="from", hint=hint)


def _tokenizer(paths: Sequence[str]) -> list[str]:
    if _TOKENIZER in paths:
        return [_TOKENIZER]
    return [path for path in paths if re.fullmatch(rf"[^/]+/{re.escape(_TOKENIZER)}", path)]


def _refuse_pointer(path: str, kind: Kind) -> None:
    if kind == "pointer":
        raise Invalid(
            f"{path} is a Git LFS pointer, not the file itself", field="from", hint="Run: git lfs pull"
        )
