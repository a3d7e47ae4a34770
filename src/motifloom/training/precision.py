"""Which numbers a network computes with in training: float32, or bfloat16 where the processor multiplies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from motifloom.config import Training

Precision = Literal["float32", "bfloat16"]

LIGHTNING_NAMES: dict[Precision, Literal["32-true", "bf16-mixed"]] = {"float32": "32-true", "bfloat16": "bf16-mixed"}


def choose_precision(settings: Training, device: str) -> Precision:
    """Return what the settings say or, for ``auto``, what the processor is built for.

    Without instructions for it, bfloat16 is several times slower than float32. What is asked is the processor, never a
    clock: the same machine always decides alike.

    Parameters
    ----------
    device
        The type of the device: ``cpu``, ``cuda`` or another.
    """
    if settings.precision != "auto":
        return settings.precision
    return "bfloat16" if multiplies_bfloat16(device) else "float32"


def multiplies_bfloat16(device: str) -> bool:
    """Return whether a device has instructions for products of bfloat16: AVX-512 BF16 or AMX, or a GPU's own."""
    if device == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
