"""DeepLIFT: how the difference of an output between a sequence and a reference is shared out among the bases.

Shrikumar, Greenside and Kundaje, ICML 70:3145 (2017), by the rescale rule. The multipliers m of a sequence x and a
reference r fulfil Σ m · (x − r) = f(x) − f(r), the sum over all bases and places, but for rounding: linear layers
pass on their gradient, each activation its slope between the values that it has for the reference and for the sequence.
A maximum passes on its difference to one place: where it is in the sequence or, if it is less there, where it is in the
reference. The values at that place differ at least as much, so no multiplier is large.

The rule shares out what linear layers, rectifiers, exponentials and maxima compute. The gates of an LSTM and the
weights of attention multiply what depends on the bases with what depends on them; for those it does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Output = Callable[[Tensor], Tensor]
"""Maps one-hot sequences ``(rows, 4, length)`` to one number each, ``(rows,)``, every row by itself."""


def multipliers(output: Output, beside: Tensor) -> tuple[Tensor, Tensor]:
    """Return the multipliers of each sequence and each of its references.

    Parameters
    ----------
    output
        Made of linear layers, rectifiers, exponentials and maxima (``max_pool2d``) alone.
    beside
        One-hot, each sequence followed by its references, shape ``(n, 1 + references, 4, length)``.

    Returns
    -------
    Multipliers, shape ``(n, references, 4, length)``, and the outputs, shape ``(n, 1 + references)``.
    """
    shape = beside.shape[:2]
    x = beside.flatten(0, 1).requires_grad_()
    with _Rescaling(shape[1]):
        outputs = output(x).view(shape)
    (gradient,) = torch.autograd.grad(outputs[:, 1:].sum(), x)
    return gradient.view_as(beside)[:, 1:], outputs.detach()


class _Rescaling(TorchFunctionMode):
    """Gives activations and maxima the gradients of the rescale rule while the block runs.

    Parameters
    ----------
    group
        How many neighbouring rows of a batch belong together: a sequence, then its references.
    """

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def __torch_function__(
        self, function: Callable[..., Any], _: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in {torch.relu, functional.relu}:
            return _Rescaled.apply(args[0], self.group, torch.relu, _slope_of_relu)  # type: ignore[no-untyped-call]  # torch has no types
        if function is torch.exp:
            return _Rescaled.apply(args[0], self.group, torch.exp, _slope_of_exponential)  # type: ignore[no-untyped-call]  # torch has no types
        if function is functional.max_pool2d:
            return _RescaledMaximum.apply(args[0], self.group, args[1:], kwargs)  # type: ignore[no-untyped-call]  # torch has no types
        return function(*args, **kwargs)


def _groups(x: Tensor, group: int) -> Tensor:
    """Return the rows of a batch, ``(n · group, …)``, by the group that they belong to, ``(n, group, …)``."""
    return x.view(-1, group, *x.shape[1:])


class _Rescaled(torch.autograd.Function):
    """An activation whose gradient is its slope between a reference's value and the sequence's."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, group: int, activation: Callable[[Tensor], Tensor], slope: Callable[..., Tensor]
    ) -> Tensor:
        rows = _groups(x, group)
        ctx.save_for_backward(slope(rows[:, :1], rows).flatten(0, 1))
        return activation(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return gradient * slope, None, None, None


def _slope_of_relu(to: Tensor, start: Tensor) -> Tensor:
    """Return the slope of max(x, 0) between two values, and where they are the same its gradient there."""
    run = to - start
    return torch.where(run == 0, (start > 0).to(run.dtype), (to.relu() - start.relu()) / run)


def _slope_of_exponential(to: Tensor, start: Tensor) -> Tensor:
    """Return the slope of eˣ between two values, which are near to each other as often as not, and may be far apart."""
    run = (to - start).abs()
    return torch.maximum(to, start).exp() * torch.where(run == 0, 1.0, -torch.expm1(-run) / run)


class _RescaledMaximum(torch.autograd.Function):
    """Maxima of windows; the difference of one goes to a single place of the window."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Take the maxima of ``(rows, channels, 1, places)``."""
        kwargs = kwargs | {"return_indices": True}
        greatest, place = functional.max_pool2d(x, *args, **kwargs)
        values, maxima, places = (_groups(part, group) for part in (x, greatest, place))
        there = torch.where(maxima[:, :1] >= maxima, places[:, :1], places)
        run = values[:, :1].expand_as(values).gather(4, there) - values.gather(4, there)
        slope = torch.where(run == 0, 1.0, (maxima[:, :1] - maxima) / run)
        ctx.save_for_backward(there.flatten(0, 1), slope.flatten(0, 1))
        ctx.shape = x.shape
        return greatest

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        there, slope = ctx.saved_tensors
        return gradient.new_zeros(ctx.shape).scatter_add(3, there, gradient * slope), None, None, None
