"""Training memory: how many bytes a run is going to take, roughly.

So that engines make room for it. Knows no machine, and promises nothing.
"""

from typing import Final

from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.weights import WeightFacts

LIBRARIES: Final = 600 * 1024 * 1024
"""torch, transformers and peft in memory; measured: 426 MB after import, 640 MB while it runs."""
WEIGHT: Final = 4
"""Bytes of each number of the parent, which is computed with as F32."""
ACTIVATION: Final = 4 * 34
"""Bytes kept for each token, layer and channel (Korthikanti et al. 2022, without recomputation)."""


def memory_needed(facts: WeightFacts | None, settings: Hyperparameters) -> int:
    """Bytes for a parent and completed hyperparameters, over all processes of the run."""
    if facts is None:
        return LIBRARIES
    values = settings.as_dict()
    layers = facts.metadata.get(f"{facts.architecture}.block_count")
    depth = layers if isinstance(layers, int) else 32
    activations = values["batch_tokens"] * depth * (facts.embedding_length or 0) * ACTIVATION
    weights = (facts.parameter_count or 0) * (2 if values["precision"] == "bf16" else WEIGHT)
    each = LIBRARIES + weights + activations
    return int(each * values["processes"])
