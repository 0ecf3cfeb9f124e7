"""The one point where attention runs: it is noted, its heads can be changed, and gradients go through.

Three ways lead here: the encoders of `headlens.model.nn`, transformers' attention interface, and the functions of torch
that a network calls by itself (`calls.function_calls`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.progress import OnLayer


@dataclass(frozen=True)
class Call:
    """One attention call: the module that makes it, and its inputs, with the axis of the batch."""

    module: nn.Module
    inputs: AttentionInputs


# (index of the call in its run, the call, its context [batch, head, query, d_value]) -> the context to go on with
Edit: TypeAlias = Callable[[int, Call, Tensor], Tensor]


class CallLog:
    """The attention calls of one run: each is noted before its kernel runs, and its context edited after it.

    Args:
        on_layer: called with the index of each call, from 0; what it raises stops the run.
        edit: of each context; None: all stay as they are.
    """

    def __init__(self, on_layer: OnLayer | None = None, edit: Edit | None = None) -> None:
        self.calls: list[Call] = []
        self.edits = edit is not None
        self._on_layer = on_layer
        self._edit = edit

    def run(self, call: Call, kernel: Callable[[], Tensor]) -> Tensor:
        """A call's context [batch, head, query, d_value], as the kernel computes it and the edit changes it."""
        index = self.note(call)
        return self.edited(index, call, kernel())

    def note(self, call: Call) -> int:
        """The call's index."""
        self.calls.append(call)
        index = len(self.calls) - 1
        if self._on_layer is not None:
            self._on_layer(index)
        return index

    def edited(self, index: int, call: Call, context: Tensor) -> Tensor:
        """The context to go on with. Raises ValueError for an edit that changes its shape."""
        if self._edit is None:
            return context
        edited = self._edit(index, call, context)
        if edited.shape != context.shape:
            raise ValueError(f"An edit made a context of shape {[*edited.shape]} from one of {[*context.shape]}.")
        return edited


_log: ContextVar[CallLog | None] = ContextVar("log", default=None)  # of the run in this thread alone
_inside: ContextVar[bool] = ContextVar("inside", default=False)


@contextmanager
def logging_to(log: CallLog) -> Iterator[None]:
    """Calls that come to `run_attention` inside the context go to this log."""
    token = _log.set(log)
    try:
        yield
    finally:
        _log.reset(token)


@contextmanager
def attention_calls(on_layer: OnLayer | None = None, edit: Edit | None = None) -> Iterator[list[Call]]:
    """All calls that come to `run_attention` inside the context, in their order; the arguments are as of `CallLog`."""
    log = CallLog(on_layer, edit)
    with logging_to(log):
        yield log.calls


def run_attention(call: Call, kernel: Callable[[], Tensor]) -> Tensor:
    """What an attention layer calls: the kernel's context [batch, head, query, d_value], noted and edited.

    Outside of `attention_calls` the kernel just runs. Raises what the kernel, on_layer and the edit raise.
    """
    log, token = _log.get(), _inside.set(True)
    try:
        return kernel() if log is None else log.run(call, kernel)
    finally:
        _inside.reset(token)


def inside_call() -> bool:
    """Whether `run_attention` is at work: what the kernel calls of torch is no attention call of its own."""
    return _inside.get()
