"""A and B exchanged, with all that is chosen of them."""

import streamlit as st

from headlens.viz.inputs.address import address_without
from headlens.viz.inputs.heads import write_head
from headlens.viz.inputs.pair import PairRequest
from headlens.viz.inputs.pair_photos import write_pair_of_photos
from headlens.viz.inputs.pair_texts import swap_texts
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.pages.compare.correct import write_corrections
from headlens.viz.pages.compare.heads import OF_B, chosen_heads

SIDED = ("off", "query")  # parameters that A has, and B with a 2 behind


def swap(request: PairRequest) -> None:
    """Write the address of B beside A."""
    head, other = chosen_heads()
    a, b = request.a.given, request.b.given
    sided = {
        name + to: st.query_params[name + of]
        for name in SIDED
        for of, to in (("", "2"), ("2", ""))
        if name + of in st.query_params
    }
    st.query_params.from_dict(address_without(*(name + of for name in SIDED for of in ("", "2")), *OF_B))
    if isinstance(a, PhotoRequest) and isinstance(b, PhotoRequest):
        write_pair_of_photos((b, a))
    elif request.texts is not None:
        swap_texts(request.texts)
    params = st.query_params
    if a.model != b.model:
        params["model"], params["model2"] = b.model, a.model
    write_head(other)
    if head != other:
        write_head(head, OF_B)
    for name, value in sided.items():
        params[name] = value
    write_corrections(tuple((theirs, own) for own, theirs in request.corrections))
