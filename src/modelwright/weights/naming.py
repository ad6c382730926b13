"""naming: what the engine concludes from a model's name alone (llama-vocab.cpp).

Where "phi-3" or "phi3" is in the name, in any letter case, it looks for some tokens
and refuses the file when one is absent, whatever its architecture.
"""

from typing import Final

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

PHI3_NAMES: Final = ("phi-3", "phi3")
PHI3_TOKENS: Final = frozenset((b"<unk>", b"<s>", b"</s>", b"<|endoftext|>"))


def misleads(name: str) -> bool:
    """Say whether the engine looks for PHI3_TOKENS in a model of this name."""
    return any(word in name.lower() for word in PHI3_NAMES)


def check_name(name: str, lacking: frozenset[bytes]) -> None:
    """Raise Invalid for a misleading name; `lacking` are the absent PHI3_TOKENS."""
    if lacking and misleads(name):
        tokens = ", ".join(sorted(token.decode() for token in lacking))
        raise Invalid(
            f'metadata "general.name" is {excerpt(name)}, and the engine loads no model of such a name '
            f"whose vocabulary lacks {tokens}",
            hint="Write the file with another name: gguf-new-metadata --general-name NAME OLD.gguf NEW.gguf",
        )
