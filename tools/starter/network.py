"""The starter's network: a small Llama, weights of one kind stacked over layers.

Stacking lets one cast and one batched optimiser step serve all layers. Knows
nothing of text, files or optimisers. Computes in bfloat16; residual stream,
norms and logits stay in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; the defaults are the shipped starter."""

    vocabulary: int = 2048
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 768
    context: int = 2048
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


class Starter(nn.Module):
    """Decoder-only Llama with tied embeddings and no biases."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        layers, hidden, ffn = shape.layers, shape.hidden, shape.feed_forward
        self.embedding = nn.Parameter(torch.empty(shape.vocabulary, hidden))
        self.qkv = nn.Parameter(torch.empty(layers, 3, hidden, hidden))
        self.attention_output = nn.Parameter(torch.empty(layers, hidden, hidden))
        self.gate_up = nn.Parameter(torch.empty(layers, 2, ffn, hidden))
        self.down = nn.Parameter(torch.empty(layers, hidden, ffn))
        self.attention_norm = nn.Parameter(torch.ones(layers, hidden))
        self.feed_forward_norm = nn.Parameter(torch.ones(layers, hidden))
        self.output_norm = nn.Parameter(torch.ones(hidden))
        cosine, sine = rotary_table(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        self._initialise(seed)

    def _initialise(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        into_residual = 0.02 / (2 * self.shape.layers) ** 0.5
        spread = {"attention_output": into_residual, "down": into_residual}
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if not name.endswith("norm"):
                    parameter.normal_(0.0, spread.get(name, 0.02), generator=generator)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Logits (len(positions), vocabulary) in float32.

        `ids` is (rows, width), right-padded; `positions` indexes the flattened
        (rows * width): the output layer is computed at these places only.
        """
        low = torch.bfloat16
        x = F.embedding(ids, self.embedding)
        qkv = self.qkv.to(low).flatten(1, 2).unbind(0)
        output = self.attention_output.to(low).unbind(0)
        gate_up = self.gate_up.to(low).flatten(1, 2).unbind(0)
        down = self.down.to(low).unbind(0)
        for layer in range(self.shape.layers):
            h = self._norm(x, self.attention_norm[layer]).to(low)
            x = x + F.linear(self._attend(F.linear(h, qkv[layer])), output[layer]).float()
            h = self._norm(x, self.feed_forward_norm[layer]).to(low)
            gate, up = F.linear(h, gate_up[layer]).chunk(2, dim=-1)
            x = x + F.linear(F.silu(gate) * up, down[layer]).float()
        kept = x.flatten(0, 1).index_select(0, positions)
        kept = self._norm(kept, self.output_norm).to(low)
        return F.linear(kept, self.embedding.to(low)).float()

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.shape.epsilon)
        return x * scale * weight

    def _attend(self, qkv: Tensor) -> Tensor:
        rows, width, _ = qkv.shape
        split = qkv.view(rows, width, 3, self.shape.heads, self.shape.head_size).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        cosine, sine = self.cosine[:width], self.sine[:width]
        query, key = rotate(query, cosine, sine), rotate(key, cosine, sine)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return mixed.transpose(1, 2).reshape(rows, width, -1)


def rotary_table(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosine and sine (context, head size), both halves alike."""
    steps = torch.arange(0, shape.head_size, 2, dtype=torch.float64) / shape.head_size
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float64), shape.rope_base**-steps)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary position, the two halves of a head as the pairs."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x * cosine + turned * sine).to(x.dtype)
