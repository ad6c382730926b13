"""What weights say of the memory that a context takes."""

from dataclasses import replace

from modelwright.core.weights import WeightFacts

LLAMA = WeightFacts(
    kind="model",
    format="gguf",
    architecture="llama",
    parameter_count=8_000_000_000,
    file_type="Q4_K_M",
    context_length=131_072,
    embedding_length=4096,
    metadata={
        "llama.block_count": 32,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
    },
)


def with_keys(**keys: int | None) -> int:
    named = {f"llama.attention.{key}": value for key, value in keys.items()}
    return replace(LLAMA, metadata={**LLAMA.metadata, **named}).cache_bytes_per_token


def test_a_token_of_llama_3_takes_128_kib() -> None:
    assert LLAMA.cache_bytes_per_token == 128 * 1024


def test_heads_of_another_width_count_as_they_are() -> None:
    assert with_keys(key_length=256, value_length=64) == 32 * 8 * 320 * 2


def test_without_groups_every_head_has_its_own() -> None:
    metadata = {key: value for key, value in LLAMA.metadata.items() if not key.endswith("head_count_kv")}
    assert replace(LLAMA, metadata=metadata).cache_bytes_per_token == 4 * 128 * 1024


def test_nothing_is_claimed_where_less_is_kept_or_the_file_is_silent() -> None:
    assert with_keys(sliding_window=4096) == 0
    assert with_keys(head_count_kv=None) == 0, "a list: as many as each layer likes"
    assert replace(LLAMA, metadata={}).cache_bytes_per_token == 0
    assert replace(LLAMA, pooled=True).cache_bytes_per_token == 0
