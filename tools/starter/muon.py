"""Muon for stacked matrices and AdamW for the rest, in one optimiser.

Muon: momentum, then the update is made nearly orthogonal by Newton-Schulz steps
(Jordan 2024), scaled so that AdamW's learning rate fits (Moonlight 2025). Knows
nothing of the network except which tensors are stacks of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonalise(matrices: Tensor) -> Tensor:
    """Nearest orthogonal matrices of a batch (n, rows, columns), in bfloat16."""
    tall = matrices.size(-2) > matrices.size(-1)
    x = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(torch.bfloat16).contiguous()
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class MuonAdam:
    """Optimises `matrices` with Muon and `others` with AdamW, in place.

    Each matrix tensor is a stack (..., rows, columns); every matrix of the stack
    is treated alone. Gradients are read from `.grad`.
    """

    def __init__(
        self,
        matrices: Mapping[str, Tensor],
        others: Mapping[str, Tensor],
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
        decay: float = 0.05,
    ) -> None:
        self._matrices = dict(matrices)
        self._others = dict(others)
        self._momentum, self._betas, self._decay = momentum, betas, decay
        self._steps = 0
        self._memory = {name: torch.zeros_like(p) for name, p in self._matrices.items()}
        self._first = {name: torch.zeros_like(p) for name, p in self._others.items()}
        self._second = {name: torch.zeros_like(p) for name, p in self._others.items()}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self._steps += 1
        self._step_matrices(rate)
        for name, parameter in self._others.items():
            self._step_other(name, parameter, rate)
        for parameter in (*self._matrices.values(), *self._others.values()):
            parameter.grad = None

    def _step_matrices(self, rate: float) -> None:
        groups: dict[tuple[int, int], list[str]] = {}
        for name, parameter in self._matrices.items():
            small, large = sorted(parameter.shape[-2:])
            groups.setdefault((small, large), []).append(name)
        for (small, large), names in groups.items():
            flat = [self._direction(name).reshape(-1, *self._matrices[name].shape[-2:]) for name in names]
            wide = [f if f.shape[-2:] == (small, large) else f.mT for f in flat]
            update = orthogonalise(torch.cat(wide)) * (0.2 * large**0.5)
            for name, f, part in zip(names, flat, update.split([len(f) for f in flat]), strict=True):
                parameter = self._matrices[name]
                turned = part if part.shape == f.shape else part.mT
                parameter.mul_(1 - rate * self._decay).add_(turned.reshape(parameter.shape), alpha=-rate)

    def _direction(self, name: str) -> Tensor:
        gradient = self._matrices[name].grad
        if gradient is None:
            raise ValueError(f"no gradient for {name}")
        memory = self._memory[name].lerp_(gradient, 1 - self._momentum)
        return gradient.lerp(memory, self._momentum)

    def _step_other(self, name: str, parameter: Tensor, rate: float) -> None:
        gradient = parameter.grad
        if gradient is None:
            raise ValueError(f"no gradient for {name}")
        fast, slow = self._betas
        first = self._first[name].lerp_(gradient, 1 - fast)
        second = self._second[name].mul_(slow).addcmul_(gradient, gradient, value=1 - slow)
        size = (second / (1 - slow**self._steps)).sqrt_().add_(1e-8)
        parameter.addcdiv_(first, size, value=-rate / (1 - fast**self._steps))

    def state(self) -> dict[str, Tensor]:
        """All moments and the step count, as named tensors."""
        kinds = {"memory": self._memory, "first": self._first, "second": self._second}
        tensors = {f"{kind}.{name}": t for kind, group in kinds.items() for name, t in group.items()}
        return {**tensors, "steps": torch.tensor(self._steps)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self._steps = int(state["steps"])
