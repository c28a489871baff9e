"""What one forward pass does with the layers of a network: who calls them, and where their outputs go."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary


def tensors_in(value: object) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists and dictionaries, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)


class CallTrace(TorchDispatchMode):
    """Follows a forward pass, on real tensors, down to the single operations of PyTorch.

    Args:
        layers: the layers to follow.

    Attributes:
        calls: how often each layer was called as a module.
        uses: how many operations took an output of the layer, or put it out of the network.
        weight_uses: how many operations took a weight or bias, whichever is taken more often, of the layer.
        followers: how often the output of one layer was, as it is, the input of another.
        reduced: layers of which every call was under autocast.
    """

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.calls: Counter[nn.Module] = Counter()
        self.uses: Counter[nn.Module] = Counter()
        self.followers: defaultdict[nn.Module, Counter[nn.Module]] = defaultdict(Counter)
        self.reduced: set[nn.Module] = set()
        self._layers = list(dict.fromkeys(layers))
        self._makers = WeakTensorKeyDictionary()
        self._parameter_uses: Counter[int] = Counter()
        self._parameters = {id(p) for layer in self._layers for p in layer.parameters(recurse=False)}

    def weight_uses(self, layer: nn.Module) -> int:
        """How many operations took the layer's weight or its bias, whichever was taken more often."""
        return max((self._parameter_uses[id(p)] for p in layer.parameters(recurse=False)), default=0)

    def run(self, network: nn.Module, arguments: Sequence[torch.Tensor]) -> None:
        """One forward pass without gradients."""
        with ExitStack() as stack:
            for layer in self._layers:
                stack.callback(layer.register_forward_pre_hook(self._before).remove)
                stack.callback(layer.register_forward_hook(self._after).remove)
            stack.enter_context(torch.no_grad())
            with self:
                output = network(*arguments)
        self._count(output)

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self._count((args, kwargs))
        return func(*args, **kwargs)

    def _count(self, value: object) -> None:
        for tensor in tensors_in(value):
            if id(tensor) in self._parameters:
                self._parameter_uses[id(tensor)] += 1
            elif (maker := self._makers.get(tensor)) is not None:
                self.uses[maker] += 1

    def _before(self, layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        self.calls[layer] += 1
        source = arguments[0] if arguments else None
        if isinstance(source, torch.Tensor):
            maker = self._makers.get(source)
            if maker is not None:
                self.followers[maker][layer] += 1
            under_autocast = torch.is_autocast_enabled(source.device.type)
            if under_autocast and self.calls[layer] == 1:
                self.reduced.add(layer)
            elif not under_autocast:
                self.reduced.discard(layer)

    def _after(self, layer: nn.Module, arguments: tuple[Any, ...], output: object) -> None:
        if isinstance(output, torch.Tensor):
            self._makers[output] = layer
