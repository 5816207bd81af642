"""Linear layers with 8-bit weights and activations, the latter scaled as they come (dynamic quantisation).

On processors without a graphics card this makes Whisper's encoder and each token three to four times cheaper
(measured on one core: 512 → 2048 over 400 positions 3.4 → 1.0 ms). torch.ao.quantization, which did this in
one call, is deprecated and torchao's processor path needs a compiler; the operators below it remain.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

__all__ = ["quantise"]


class _Int8Linear(torch.nn.Module):  # type: ignore[misc]  # torch has no types for us: an extra
    """A linear layer of packed int8 weights, one scale for each output."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        weight = layer.weight.detach().float()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        scales = weight.abs().amax(dim=1).clamp(min=1e-8) / 127.0
        zeros = torch.zeros(len(scales), dtype=torch.long)
        bias = None if layer.bias is None else layer.bias.detach().float()
        with warnings.catch_warnings():
            # Tensors of a quantised type are to go in some later torch; the pinned one has them, and no other
            # way into the packed kernels yet (pytorch issue 184982).
            warnings.filterwarnings("ignore", message=".*quantize_per_channel.*", category=UserWarning)
            packed = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(packed, bias)

    def forward(self, x: Any) -> Any:
        """Return the layer's output, float32."""
        return torch.ops.quantized.linear_dynamic(x, self._packed, False)


def quantise(module: Any) -> None:
    """Replace every linear layer below `module` by its int8 version, in place. Embeddings stay."""
    for name, child in list(module.named_children()):
        if isinstance(child, torch.nn.Linear):
            setattr(module, name, _Int8Linear(child))
        else:
            quantise(child)
