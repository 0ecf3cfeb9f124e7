"""Attention calls of a network that calls torch's functions by itself."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from headlens.model.attention.inputs import AttentionInputs, inputs_of_scores
from headlens.model.attention.point import Call, CallLog, Edit, inside_call, logging_to
from headlens.model.errors import CheckpointError
from headlens.model.progress import OnLayer

SOFTMAX = {torch.softmax, Tensor.softmax, F.softmax, torch.special.softmax}
PRODUCTS = {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.linalg.matmul, torch.bmm, Tensor.bmm, torch.einsum}


@contextmanager
def function_calls(
    network: nn.Module, on_layer: OnLayer | None = None, edit: Edit | None = None
) -> Iterator[list[Call]]:
    """All attention of a network inside the context: by torch's functions in its attention modules, or by the point.

    Args:
        network: nobody else's: a `weight_sharing_clone`.
        on_layer: as of `CallLog`, and so is:
        edit: for a softmax that the network computes by itself, of the first product that its weights enter.

    Raises CheckpointError in the run, where an edit finds no such product.
    """
    log = CallLog(on_layer, edit)
    mode = _Mode(log)
    with ExitStack() as stack:
        for module in attention_modules(network):
            stack.enter_context(module.register_forward_pre_hook(mode.enter))
            stack.enter_context(module.register_forward_hook(mode.leave, always_call=True))
        stack.enter_context(logging_to(log))
        stack.enter_context(mode)
        yield log.calls


def attention_modules(network: nn.Module) -> list[nn.Module]:
    """The modules that compute attention, by their names; torch's own are not transformers' layers."""
    return [
        module
        for module in network.modules()
        if "attention" in type(module).__name__.lower() and not type(module).__module__.startswith("torch.")
    ]


@dataclass
class _Softmax:
    """A softmax whose product with the values is to be edited."""

    index: int
    call: Call
    weights: Tensor  # as they were last seen: dropout, a cast or a mask may come behind the softmax
    is_edited: bool = False


@dataclass
class _Module:
    """An attention module that runs."""

    module: nn.Module
    softmax: _Softmax | None = None


class _Mode(TorchFunctionMode):
    """Sees scaled dot-product attention and softmax over keys while an attention module runs."""

    def __init__(self, log: CallLog) -> None:
        super().__init__()
        self._log = log
        self._running: list[_Module] = []

    def enter(self, module: nn.Module, _: object) -> None:
        """A module begins."""
        self._running.append(_Module(module))

    def leave(self, module: nn.Module, _: object, output: object) -> None:
        """A module has ended, by an error if there is no output."""
        ended = self._running.pop()
        if output is not None:
            _check_edited(ended)

    def __torch_function__(
        self,
        function: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}

        def compute() -> Tensor:  # what it calls in turn does not come here
            result = function(*args, **kwargs)
            assert isinstance(result, Tensor)
            return result

        if not self._running or inside_call():
            return function(*args, **kwargs)
        running = self._running[-1]
        if function is F.scaled_dot_product_attention:
            inputs = _inputs_of(*args, **kwargs)  # type: ignore[arg-type]
            if self._log.edits and inputs.query.ndim != 4:
                raise _no_product(running.module)
            return self._log.run(Call(running.module, inputs), compute)
        if function in SOFTMAX:
            scores = args[0] if args else kwargs["input"]
            dim = args[1] if len(args) > 1 else kwargs.get("dim")
            if isinstance(scores, Tensor) and scores.ndim >= 3 and dim in (-1, scores.ndim - 1):
                call = Call(running.module, inputs_of_scores(scores if scores.ndim == 4 else scores[None]))
                index = self._log.note(call)
                if not self._log.edits:
                    return compute()
                _check_edited(running)
                running.softmax = _Softmax(index, call, compute())
                return running.softmax.weights
        result = function(*args, **kwargs)
        if running.softmax is None or not isinstance(result, Tensor):
            return result
        return self._follow(running.softmax, function, args, result)

    def _follow(
        self, softmax: _Softmax, function: Callable[..., object], args: tuple[object, ...], result: Tensor
    ) -> Tensor:
        """The result of a function, edited if it is the product of the softmax's weights with the values."""
        first = args[1] if function is torch.einsum else args[0] if args else None
        first = first[0] if isinstance(first, list | tuple) and first else first
        if not isinstance(first, Tensor) or not _share_memory(first, softmax.weights):
            return result
        if function not in PRODUCTS:
            if result.numel() == softmax.weights.numel():
                softmax.weights = result
            return result
        if softmax.is_edited:  # the head's output is more than the first product
            raise _no_product(softmax.call.module)
        softmax.is_edited = True
        if function is torch.einsum:
            axes = _einsum_axes(str(args[0]))
            if axes is None:
                raise _no_product(softmax.call.module)
            return self._edited(softmax, result.permute(axes)).permute([axes.index(axis) for axis in range(len(axes))])
        return self._edited(softmax, result)

    def _edited(self, softmax: _Softmax, product: Tensor) -> Tensor:
        """The product [batch, head, query, d_value], or with batch and head as one axis, edited."""
        batch, head, query = softmax.call.inputs.query.shape[:3]
        if product.shape[:-1] not in ((batch, head, query), (batch * head, query)):
            raise _no_product(softmax.call.module)
        context = product.reshape(batch, head, query, product.shape[-1])
        return self._log.edited(softmax.index, softmax.call, context).reshape(product.shape)


def _inputs_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> AttentionInputs:
    """Of the arguments of `torch.nn.functional.scaled_dot_product_attention`."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return AttentionInputs(query=query, key=key, value=value, mask=attn_mask, causal=is_causal, scale=scale)


def _share_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _einsum_axes(equation: str) -> list[int] | None:
    """The axes of a product that are batch, head, query and d_value; the weights [batch, head, query, key] come first.

    None for an equation that is no such product.
    """
    weights, _, rest = equation.replace(" ", "").partition(",")
    _, _, product = rest.partition("->")
    rows = weights[:3]
    last = [letter for letter in product if letter not in weights]
    if len(weights) != 4 or len(product) != 4 or len(last) != 1 or not set(rows) <= set(product):
        return None
    return [product.index(letter) for letter in (*rows, *last)]


def _check_edited(running: _Module) -> None:
    """Raises CheckpointError where the module's softmax met no values."""
    if running.softmax is not None and not running.softmax.is_edited:
        raise _no_product(running.module)


def _no_product(module: nn.Module) -> CheckpointError:
    return CheckpointError(
        f"It is not known where {type(module).__name__} mixes its values, so its heads cannot be changed; take another "
        "model."
    )
