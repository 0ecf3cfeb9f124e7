"""Step 11: the same in PyTorch."""

import inspect

import streamlit as st

from headlens.model.attention.formula import attention_scores, attention_weights, masked, scaled_dot_product_attention
from headlens.model.nn.multi_head import MultiHeadAttention
from headlens.model.trace.fused import difference_from_fused
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import shapes


def pytorch(example: Example) -> None:
    """Step 11: the program's own code, shown as it is, and run."""
    recording, inputs, name = example.recording, example.inputs, type(example.model.network).__name__
    st.markdown(
        "This is the code that the model behind this page runs, read from its own files."
        if example.model.own_code
        else f"This is the arithmetic, from this program's own files. Your model is `{name}` of transformers, which "
        "gives the same queries, keys and values to torch's kernel."
    )
    st.code(inspect.getsource(scaled_dot_product_attention), language="python")
    with st.expander("What it calls: the scores, and the softmax"):
        parts = (attention_scores, masked, attention_weights)
        st.code("\n\n".join(inspect.getsource(part) for part in parts), language="python")
    with st.expander("MultiHeadAttention"):
        st.code(inspect.getsource(MultiHeadAttention), language="python")
    apart = difference_from_fused(inputs)
    st.markdown(
        "Torch has the same as one fused kernel, `torch.nn.functional.scaled_dot_product_attention`, which never "
        "holds all weights at once. "
        + (
            "It neither caps scores nor knows sinks, as this model does, so there is nothing to compare:"
            if apart is None
            else "Both were just run on your input, with all heads of this layer:"
        )
    )
    shapes(query=tuple(inputs.query.shape), key=tuple(inputs.key.shape), value=tuple(inputs.value.shape))
    if apart is not None:
        st.text(f"Largest difference between the two: {apart:.1e}.")
    st.markdown("The pretrained model in three lines of Python:")
    source = repr(recording.texts[0][:70]) if recording.photo is None else '"photo.jpg"'
    st.code(
        "from headlens.model import load_model\n"
        f"model = load_model({recording.model.name!r})\n"
        f"weights = model.record({source}).attention(layer={example.layer}, head={example.head})  # [query, key]",
        language="python",
    )
