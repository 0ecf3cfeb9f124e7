"""Models that choose between texts: each is read with what stands before it, and all get their score together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.errors import InputError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Text, TextInput
from headlens.model.recording.header import MAX_STAGES
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording

ASKED = "This model chooses between texts: give in the second field two or more, one a line."


@dataclass(frozen=True)
class ChoicesInput(TextInput):
    """What stands before, with the first text to choose; and with each of them."""

    choices: tuple[TextInput, ...] = ()


class TransformersChoices(TransformersText):
    """A model of transformers that chooses between texts; arguments as of `TransformersText`.

    What is recorded is ("what stands before", "one choice a line"): a recording is that of the first choice, and has
    the others as stages "choice 2", "choice 3", …. Each has the scores of all.
    """

    def read(self, text: Text) -> ChoicesInput:
        """The tokens of each choice behind what stands before it. Raises InputError."""
        if not isinstance(text, tuple | list) or len(text) != 2 or not isinstance(text[1], str):
            raise InputError(ASKED)
        lines = [line.strip() for line in text[1].splitlines() if line.strip()]
        if not 2 <= len(lines) <= MAX_STAGES:
            raise InputError(f"{ASKED.removesuffix('.')}, and at most {MAX_STAGES}, not {len(lines)}.")
        choices = tuple(super(TransformersChoices, self).read((text[0], line)) for line in lines)
        return ChoicesInput(**vars(choices[0]), choices=choices)

    def groups(self, batch: Sequence[TextInput]) -> list[list[int]]:
        """Each in a run of its own, with all its choices."""
        return [[index] for index in range(len(batch))]

    def batch_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        """What the network's forward takes of one input: ids [1, choice, token]. Raises ValueError for several."""
        (text,) = batch
        assert isinstance(text, ChoicesInput)
        inputs = super().batch_inputs(text.choices)
        return {name: value[None] if isinstance(value, Tensor) else value for name, value in inputs.items()}

    def embeddings(self, batch: Sequence[TextInput], run: Run[ModelOutput]) -> Tensor | None:
        """None: there are as many as choices."""
        return None

    def _predictions(self, text: TextInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return ()  # they are of all choices

    def _recording(self, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        assert isinstance(text, ChoicesInput)
        scores = run.outputs.logits[0].float().softmax(dim=-1).cpu().numpy()
        order = np.argsort(-scores, kind="stable")
        ranked = tuple((text.choices[choice].texts[1], float(scores[choice])) for choice in order)
        first, *others = (
            replace(
                super(TransformersChoices, self)._recording(choice, run, number),
                stage=f"choice {number + 1}",
                predictions=(Prediction(None, ranked, Predicts.CHOICE),),
            )
            for number, choice in enumerate(text.choices)
        )
        return replace(first, stages={other.stage: other for other in others})
