"""Which heads of A and of B are off: held in the address."""

from dataclasses import replace
from typing import get_args

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.recording.recording import Recording
from headlens.viz.inputs.heads import Head, choose_heads, read_heads
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.pair import By, PairRequest, Side

STAND_INS = {"mean": "its mean here", "zero": "zero"}
PARAMETERS = {"A": "off", "B": "off2"}


def switch_heads_off(request: PairRequest, slot: DeltaGenerator) -> PairRequest:
    """Draw the controls; give the request with the heads that are off by the address."""
    sides = dict(zip("AB", (request.a, request.b)))
    recordings = {name: side.given.record().entry().recording for name, side in sides.items()}
    off = {name: _off(name, recording) for name, recording in recordings.items()}
    with slot.popover(
        f"Heads off: {', '.join(filter(None, map(_short, off, off.values())))}" if any(off.values()) else "Heads off",
        key="compare_off",
        help="Record A, or B, while heads of its model are switched off.",
    ):
        for name, recording in recordings.items():
            _control(name, recording, off[name])
        by: By = knob(
            st.segmented_control,
            "In place of a head that is off",
            "by",
            options=get_args(By),
            start="mean",
            page="compare",
            required=True,
            format_func=STAND_INS.__getitem__,
            help="Its mean over all positions of this input; or zero, which overstates what a head does, for later "
            "layers have never seen it.",
        )
    a, b = (Side(side.given, off[name], by) for name, side in sides.items())
    return replace(request, a=a, b=b)


def why_nothing(request: PairRequest, layers: int) -> str:
    """Why no head differs, where none does, and what to change."""
    off = [head for side in (request.a, request.b) for head in side.off]
    if not off or any(layer < layers - 1 for layer, _ in off):
        other = "type another text B" if request.texts is not None else "take another photo B, paint over a part of it"
        return f"A and B come out the same: {other}, choose another model of B, or switch heads of it off."
    return (
        "A head that is off changes what later layers look at, and the last layer has none after it: see what the "
        "models predict."
    )


def _short(name: str, off: tuple[Head, ...]) -> str:
    """“B layer 0 head 2”, or “B 3 heads”; nothing where none is off."""
    if len(off) == 1:
        return f"{name} layer {off[0][0]} head {off[0][1]}"
    return f"{name} {len(off)} heads" if off else ""


def _off(name: str, recording: Recording) -> tuple[Head, ...]:
    written = st.query_params.get(PARAMETERS[name], "")
    return read_heads(written, (recording.num_layers, recording.num_heads))


def _control(name: str, recording: Recording, off: tuple[Head, ...]) -> None:
    choose_heads(
        f"Heads of {name} that are off",
        PARAMETERS[name],
        off,
        shape=(recording.num_layers, recording.num_heads),
        key=f"compare_off_{name}",
        placeholder="None",
        help="Type a layer's or head's number to find one. The model runs again without them.",
    )
