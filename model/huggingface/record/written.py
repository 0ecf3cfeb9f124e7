"""What a decoder wrote of what an encoder gave: two more stages beside the encoder's own recording."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.inputs.token_names import TokenNames
from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording


def with_written(
    encoder: Recording,
    ids: Sequence[int],
    *,
    names: TokenNames,
    text: str,
    layers: Mapping[str, tuple[AttentionInputs, ...]],
    predictions: tuple[Prediction, ...],
    notes: Mapping[str, str],
) -> Recording:
    """An encoder's recording, of a text, a photo or sound, with the stages "decoder" and "cross" of what was written.

    In "decoder" the tokens look at each other; in "cross" at the encoder's positions, which are its keys
    (Vaswani et al. 2017, figure 1). `headlens.model.analysis.joint.joined` shows the latter as one sequence.

    Args:
        encoder: what is looked at.
        ids: of the tokens that the decoder reads, those that begin each text too.
        names: of the tokens.
        text: that they read as.
        layers: of "decoder" [head, token, d], and of "cross", whose keys are the encoder's positions.
        predictions: of the decoder, at its tokens.
        notes: of the two stages.
    """
    special = names.are_special(ids)
    special[0] = True  # it stands for nothing that was written
    decoder = replace(
        encoder,
        layers=layers["decoder"],
        tokens=names.of_ids(ids),
        ids=tuple(ids),
        words=names.words_of_ids(ids),
        special=special,
        segments=(0,) * len(ids),
        offsets=(),
        texts=(text,),
        prefix_tokens=0,
        photo=None,
        outputs={},
        notes=notes,
        predictions=predictions,
        stage="decoder",
        unit="token",
    )
    cross = replace(decoder, layers=layers["cross"], stage="cross", keys=encoder)
    return replace(encoder, stages={"decoder": decoder, "cross": cross})
