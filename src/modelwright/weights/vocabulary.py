"""vocabulary: a folder's tokenizer and chat template -> the engine's metadata.

Reads tokenizer.model or tokenizer.json, and what tokenizer_config.json,
added_tokens.json, special_tokens_map.json, generation_config.json and config.json add. Templates are
copied and never rendered here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.bounded import open_bounded
from modelwright.weights.byte_pairs import (
    CONTROL,
    UNUSED,
    USER_DEFINED,
    encoded,
    read_pairs,
)
from modelwright.weights.gguf import TOKENS
from modelwright.weights.gguf_writer import Metadata, f32s, flag, i32s, text, texts, u32
from modelwright.weights.json_file import LARGE, Fields, read_object, read_optional
from modelwright.weights.sentencepiece import read_pieces

TEMPLATE: Final = 1024 * 1024
"""Bytes of a chat template."""
SPACE: Final = "\u2581".encode()
ADDED_SCORE: Final = -1000.0
SPECIALS: Final = {
    "bos": "bos",
    "eos": "eos",
    "unk": "unknown",
    "pad": "padding",
    "sep": "seperator",
    "mask": "mask",
}
"""Our word -> the engine's, its spelling included (tokenizer.ggml.*_token_id)."""


@dataclass(slots=True)
class Vocabulary:
    """Tokens by number, while they are being collected."""

    model: str
    pre: str
    tokens: dict[int, bytes]
    kinds: dict[int, int]
    scores: dict[int, float]
    merges: list[bytes] = field(default_factory=list)
    prefixed: bool = False

    def numbers(self) -> dict[bytes, int]:
        return {token: number for number, token in self.tokens.items()}


def read_vocabulary(folder: Path, rows: int, notes: list[str]) -> Metadata:
    """Return the `tokenizer.*` metadata for embeddings of `rows` rows.

    Rows without a token get a name of their own and are marked unused; tokens
    without a row are left out, which `notes` then says. Raises Invalid and
    Unsupported by the name of the file that is wrong.
    """
    configured = Fields(read_optional(folder / "tokenizer_config.json"), "tokenizer_config.json")
    tokenizer = Fields(read_optional(folder / "tokenizer.json", LARGE), "tokenizer.json")
    vocabulary = _base(folder, tokenizer)
    for number, token, special in _added(folder, tokenizer, configured):
        _add(vocabulary, number, token, special)
    _spell_spaces(vocabulary)
    _fit(vocabulary, rows, notes)
    specials = _specials(folder, configured, vocabulary.numbers())
    found = _entries(vocabulary)
    found |= {f"tokenizer.ggml.{SPECIALS.get(word, word)}_token_id": u32(n) for word, n in specials.items()}
    found |= _flags(tokenizer, configured, vocabulary, specials)
    if template := _template(folder, configured):
        found["tokenizer.chat_template"] = text(template)
    return found


def _base(folder: Path, tokenizer: Fields) -> Vocabulary:
    if (folder / "tokenizer.model").exists():
        pieces = read_pieces(folder / "tokenizer.model")
        return Vocabulary(
            "llama",
            "default",
            dict(enumerate(pieces.tokens)),
            dict(enumerate(pieces.kinds)),
            dict(enumerate(pieces.scores)),
            prefixed=pieces.prefixed,
        )
    if tokenizer.fields:
        pairs = read_pairs(tokenizer)
        return Vocabulary(
            pairs.model, pairs.pre, pairs.tokens, pairs.kinds, pairs.scores, pairs.merges, pairs.prefixed
        )
    raise Unsupported(f"{folder.name} has neither tokenizer.model nor tokenizer.json")


def _added(folder: Path, tokenizer: Fields, configured: Fields) -> Iterator[tuple[int, str, bool]]:
    """Yield the tokens added to the vocabulary: number, text, whether special."""
    plain = Fields(read_optional(folder / "added_tokens.json"), "added_tokens.json")
    for token in plain.fields:
        yield plain.integer(token), token, False
    listed = tokenizer.fields.get("added_tokens") or []
    for entry in listed if isinstance(listed, list) else []:
        fields = Fields(entry if isinstance(entry, dict) else {}, "tokenizer.json: added_tokens")
        yield fields.integer("id"), fields.text("content"), fields.flag("special", False)
    decoder = configured.object("added_tokens_decoder")
    for number in decoder.fields:
        fields = decoder.object(number)
        if not number.isdecimal() or len(number) > 9:
            raise Invalid(f"{decoder.what}: {excerpt(number)} is not a token's number")
        yield int(number), fields.text("content"), fields.flag("special", False)


def _add(vocabulary: Vocabulary, number: int, token: str, special: bool) -> None:
    if number >= TOKENS:
        raise Invalid(f"token {excerpt(token)} has the number {number}, at most {TOKENS - 1} is allowed")
    kind = CONTROL if special else USER_DEFINED
    if vocabulary.model == "llama" and vocabulary.kinds.get(number) in (2, 6):
        return  # unknown and byte pieces must stay what they are
    vocabulary.tokens[number] = encoded(token, "added tokens")
    vocabulary.kinds[number] = kind
    vocabulary.scores[number] = ADDED_SCORE


def _spell_spaces(vocabulary: Vocabulary) -> None:
    """Write user-defined tokens as they stand in a text.

    The engine looks for them before it turns spaces into SentencePiece's sign.
    """
    if vocabulary.model == "llama":
        for number, kind in vocabulary.kinds.items():
            if kind == USER_DEFINED:
                vocabulary.tokens[number] = vocabulary.tokens[number].replace(SPACE, b" ")


def _fit(vocabulary: Vocabulary, rows: int, notes: list[str]) -> None:
    """Give every row of the embeddings exactly one token, all different."""
    beyond = sorted(number for number in vocabulary.tokens if number >= rows)
    if beyond:
        names = ", ".join(repr(vocabulary.tokens[number])[1:] for number in beyond[:5])
        notes.append(f"{len(beyond)} tokens have no row in the embeddings and are left out: {names}")
    for number in beyond:
        del vocabulary.tokens[number]
    taken = set(vocabulary.tokens.values())
    if len(taken) != len(vocabulary.tokens):
        raise Invalid("the tokenizer has the same token twice")
    for number in range(rows):
        if number not in vocabulary.tokens:
            name = b"[PAD%d]" % number
            while name in taken:
                name += b"_"
            taken.add(name)
            vocabulary.tokens[number] = name
            vocabulary.kinds[number] = UNUSED
            vocabulary.scores[number] = -10000.0


def _entries(vocabulary: Vocabulary) -> Metadata:
    numbers = range(len(vocabulary.tokens))
    found = {
        "tokenizer.ggml.model": text(vocabulary.model),
        "tokenizer.ggml.pre": text(vocabulary.pre),
        "tokenizer.ggml.tokens": texts([vocabulary.tokens[number] for number in numbers]),
        "tokenizer.ggml.token_type": i32s([vocabulary.kinds[number] for number in numbers]),
    }
    if vocabulary.model == "llama":
        found["tokenizer.ggml.scores"] = f32s([vocabulary.scores[number] for number in numbers])
        found["tokenizer.ggml.add_space_prefix"] = flag(vocabulary.prefixed)
    else:
        found["tokenizer.ggml.merges"] = texts(vocabulary.merges)
    return found


def _specials(folder: Path, configured: Fields, numbers: dict[bytes, int]) -> dict[str, int]:
    """Return the numbers of the special tokens, by our word.

    The tokenizer names them; where it does not, config.json numbers them. A
    model that ends turns by several tokens has the others as "eot" and "eom".
    """
    named = Fields(
        read_optional(folder / "special_tokens_map.json") | dict(configured.fields), "tokenizer_config.json"
    )
    config = Fields(read_optional(folder / "config.json"), "config.json")
    generation = Fields(read_optional(folder / "generation_config.json"), "generation_config.json")
    found: dict[str, int] = {}
    for word in SPECIALS:
        value = named.fields.get(f"{word}_token")
        content = value.get("content") if isinstance(value, dict) else value
        number = numbers.get(content.encode(errors="replace")) if isinstance(content, str) else None
        listed = _listed(config, f"{word}_token_id", len(numbers))
        if number is None and listed:
            number = listed[0]
        if number is not None:
            found[word] = number
    ends = _listed(generation, "eos_token_id", len(numbers)) + _listed(config, "eos_token_id", len(numbers))
    others = [number for number in dict.fromkeys(ends) if number != found.get("eos")]
    return found | dict(zip(("eot", "eom"), others, strict=False))


def _listed(fields: Fields, name: str, count: int) -> list[int]:
    value = fields.fields.get(name)
    values = value if isinstance(value, list) else [value]
    return [n for n in values if isinstance(n, int) and not isinstance(n, bool) and 0 <= n < count]


def _flags(
    tokenizer: Fields, configured: Fields, vocabulary: Vocabulary, specials: dict[str, int]
) -> Metadata:
    """Say whether a text begins with bos and ends with eos.

    tokenizer_config.json says it, else the template in tokenizer.json, else it
    is as usual: SentencePiece's begin with bos.
    """
    names = {word: vocabulary.tokens[number].decode(errors="replace") for word, number in specials.items()}
    usual = {"bos": vocabulary.model == "llama", "eos": False}
    if tokenizer.fields:
        ends = dict(zip(("bos", "eos"), _template_ends(tokenizer), strict=True))
        usual = {word: end == names.get(word) for word, end in ends.items()}
    return {
        f"tokenizer.ggml.add_{word}_token": flag(
            configured.flag(f"add_{word}_token", usual[word]) and word in specials
        )
        for word in ("bos", "eos")
    }


def _template_ends(tokenizer: Fields) -> tuple[str, str]:
    """Return the special tokens that tokenizer.json puts before and after a text."""
    processor = tokenizer.object("post_processor")
    steps = processor.fields.get("processors", [dict(processor.fields)])
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and step.get("type") == "TemplateProcessing":
            single = step.get("single")
            items = [item for item in single if isinstance(item, dict)] if isinstance(single, list) else []
            names = [Fields(item, "post_processor").object("SpecialToken").text("id", "-") for item in items]
            before = names[: names.index("-")] if "-" in names else []
            after = names[names.index("-") + 1 :] if "-" in names else []
            return before[0] if before else "", after[-1] if after else ""
    return "", ""


def _template(folder: Path, configured: Fields) -> str:
    """Return the chat template; of several the one called "default"."""
    if (folder / "chat_template.jinja").exists():
        with open_bounded(folder / "chat_template.jinja", TEMPLATE) as file:
            return file.take(file.size, "chat_template.jinja").decode(errors="replace")
    value = configured.fields.get("chat_template")
    if value is None and (folder / "chat_template.json").exists():
        value = read_object(folder / "chat_template.json").get("chat_template")
    if isinstance(value, list):
        named = {str(item.get("name")): item.get("template") for item in value if isinstance(item, dict)}
        value = named.get("default")
    if value is not None and not isinstance(value, str):
        raise Invalid('tokenizer_config.json: "chat_template" must be a string')
    return value or ""
