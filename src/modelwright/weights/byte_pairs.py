"""byte_pairs: a tokenizer.json that merges pairs, in the engine's words.

Two kinds: byte-level BPE (the engine's "gpt2", which needs to know by which
pattern a text is cut first), and SentencePiece's BPE as transformers writes it
(byte fallback; the engine's "llama", which merges by score).
"""

from types import MappingProxyType
from typing import Final, NamedTuple

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.gguf import TOKEN, TOKENS
from modelwright.weights.json_file import Fields, Json

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

_SPACES: Final = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
_ENDINGS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS: Final = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_UPPER_LOWER: Final = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
_SIGNS: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*"
_SIGNS_SLASH: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
_LLAMA3: Final = _ENDINGS + "|" + _WORDS + r"|\p{N}{1,3}" + _SIGNS + _SPACES
_QWEN2: Final = _ENDINGS + "|" + _WORDS + r"|\p{N}" + _SIGNS + _SPACES
_TEKKEN: Final = "|".join(_UPPER_LOWER) + r"|\p{N}" + _SIGNS_SLASH + _SPACES
_GPT4O: Final = (
    f"{_UPPER_LOWER[0]}{_ENDINGS}?|{_UPPER_LOWER[1]}{_ENDINGS}?" + r"|\p{N}{1,3}" + _SIGNS_SLASH + _SPACES
)

CUTS: Final = MappingProxyType(
    {
        (("bytes",), False): "gpt-2",
        (("digits", "bytes"), False): "smollm",
        ((_LLAMA3, "plain"), True): "llama-bpe",
        ((_LLAMA3, "plain"), False): "dbrx",
        ((_QWEN2, "plain"), False): "qwen2",
        ((_TEKKEN, "plain"), True): "tekken",
        ((_GPT4O, "plain"), False): "gpt-4o",
    }
)
"""(How a text is cut, whole words before merges) -> the engine's name (llama-vocab.cpp)."""


class Pairs(NamedTuple):
    """A vocabulary by number; `pre` is empty, and `scores` there, for "llama"."""

    model: str
    pre: str
    tokens: dict[int, bytes]
    kinds: dict[int, int]
    merges: list[bytes]
    scores: dict[int, float]
    prefixed: bool


def read_pairs(tokenizer: Fields) -> Pairs:
    """Translate a tokenizer.json; raises Unsupported when the engine has no equal."""
    model = tokenizer.object("model")
    kind = model.text("type", "BPE" if model.has("merges") else "unknown")
    if kind != "BPE":
        raise Unsupported(f"{tokenizer.what}: a tokenizer of type {excerpt(kind)}, only BPE can be converted")
    tokens = _tokens(model)
    merges = _merges(model)
    if model.flag("byte_fallback", False):
        return _scored(tokenizer, tokens, merges)
    cut = (tuple(_cuts(tokenizer)), model.flag("ignore_merges", False))
    pre = CUTS.get(cut)
    if pre is None:
        raise Unsupported(
            f"{tokenizer.what}: it cuts texts as the engine is not known to: {excerpt(str(cut), 300)}",
            hint=f"Known are those of {', '.join(CUTS.values())}",
        )
    kinds = dict.fromkeys(tokens, NORMAL)
    return Pairs("gpt2", pre, tokens, kinds, [_joined(pair) for pair in merges], {}, False)


def _tokens(model: Fields) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for token, number in model.object("vocab").fields.items():
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < TOKENS:
            raise Invalid(f"{model.what}: token {excerpt(token)} has the number {number}")
        if number in found:
            raise Invalid(
                f"{model.what}: tokens {found[number]!r} and {excerpt(token)} are both number {number}"
            )
        found[number] = encoded(token, model.what)
    return found


def encoded(token: str, what: str) -> bytes:
    """Return a token's bytes; raises Invalid for one that is too long or no text."""
    try:
        content = token.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"{what}: token {excerpt(token)} is not valid Unicode") from error
    if len(content) > TOKEN:
        raise Invalid(f"{what}: token {excerpt(token)} has {len(content)} bytes, at most {TOKEN} are allowed")
    return content


def _merges(model: Fields) -> list[tuple[str, str]]:
    merges = model.fields.get("merges")
    if not isinstance(merges, list):
        raise Invalid(f'{model.what}: "merges" must be a list')
    return [_pair(model, merge) for merge in merges]


def _pair(model: Fields, merge: Json) -> tuple[str, str]:
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if isinstance(parts, list) and len(parts) == 2:
        one, other = parts
        if isinstance(one, str) and isinstance(other, str):
            return one, other
    raise Invalid(f"{model.what}: {excerpt(str(merge))} is not a merge of two tokens")


def _joined(pair: tuple[str, str]) -> bytes:
    # A space inside a part is written as the letter that byte-level BPE has for it.
    return " ".join(part.replace(" ", "Ġ") for part in pair).encode(errors="replace")


def _cuts(tokenizer: Fields) -> list[str]:
    cutter = tokenizer.object("pre_tokenizer")
    steps = (
        cutter.fields.get("pretokenizers")
        if cutter.fields.get("type") == "Sequence"
        else [dict(cutter.fields)]
    )
    found = []
    for step in steps if isinstance(steps, list) else []:
        fields = Fields(step if isinstance(step, dict) else {}, f"{tokenizer.what}: pre_tokenizer")
        found.append(_cut(fields))
    return found


def _cut(step: Fields) -> str:
    kind = step.text("type", "nothing")
    if kind == "ByteLevel" and not step.flag("add_prefix_space", True):
        return "bytes" if step.flag("use_regex", True) else "plain"
    if kind == "Digits" and step.flag("individual_digits", False):
        return "digits"
    pattern = step.object("pattern") if kind == "Split" else Fields({}, "")
    if pattern.has("Regex") and not step.flag("invert", False) and step.text("behavior", "") == "Isolated":
        return pattern.text("Regex")
    return f"{kind} {dict(step.fields)}"


def _scored(tokenizer: Fields, tokens: dict[int, bytes], merges: list[tuple[str, str]]) -> Pairs:
    """Give each token the score by which SentencePiece would have merged it."""
    ranks: dict[bytes, int] = {}
    for rank, (one, other) in enumerate(merges):
        ranks.setdefault((one + other).encode(errors="replace"), rank)
    scores = {number: -float(ranks.get(token, len(merges))) for number, token in tokens.items()}
    kinds = {number: BYTE if _is_byte(token) else NORMAL for number, token in tokens.items()}
    unknown = tokenizer.object("model").fields.get("unk_token")
    for number, token in tokens.items():
        if isinstance(unknown, str) and token == unknown.encode(errors="replace"):
            kinds[number] = UNKNOWN
    return Pairs("llama", "default", tokens, kinds, [], scores, _is_prefixed(tokenizer))


def _is_byte(token: bytes) -> bool:
    return len(token) == 6 and token.startswith(b"<0x") and token.endswith(b">")


def _is_prefixed(tokenizer: Fields) -> bool:
    """Say whether a space is put before a text."""
    cutter = tokenizer.object("pre_tokenizer")
    if cutter.fields.get("type") == "Metaspace":
        return cutter.text("prepend_scheme", "always") != "never"
    normalizer = tokenizer.object("normalizer")
    steps = normalizer.fields.get("normalizers", [dict(normalizer.fields)])
    listed = steps if isinstance(steps, list) else []
    return any(isinstance(step, dict) and step.get("type") == "Prepend" for step in listed)
