"""Muon (Jordan et al. 2024) in 32 bits.

PyTorch's own orthogonalises in bfloat16, which takes longer than the whole rest of a step on CPUs that emulate it.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
# Newton-Schulz: each step applies the odd polynomial with these coefficients to the singular values.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearest (about) orthogonal matrix to each of `matrices` (number, rows, columns)."""
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.transpose(1, 2)
    result = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = result @ result.transpose(1, 2)
        result = a * result + (b * gram + c * gram @ gram) @ result
    return result if wide is matrices else result.transpose(1, 2)


class Muon(torch.optim.Optimizer):
    """Momentum, then the nearest orthogonal matrix. Matrices of one shape are taken together."""

    def __init__(self, matrices: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = {}
        for matrix in matrices:
            by_shape.setdefault(matrix.shape, []).append(matrix)
        groups: list[dict[str, Any]] = [{"params": group} for group in by_shape.values()]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        for group in self.param_groups:
            weights: list[Tensor] = group["params"]
            gradients = torch.stack([weight.grad for weight in weights if weight.grad is not None])
            state = self.state[weights[0]]
            momentum = state.setdefault("momentum", torch.zeros_like(gradients))
            momentum.lerp_(gradients, 1 - MOMENTUM)
            rows, columns = weights[0].shape
            updates = orthogonalised(gradients.lerp(momentum, MOMENTUM)) * max(1, rows / columns) ** 0.5
            for weight, update in zip(weights, updates, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=group["lr"])
