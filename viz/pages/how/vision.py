"""Step 10: vision transformers."""

from dataclasses import replace

import numpy as np
import streamlit as st

from headlens.viz.figures.curves import Size, size_and_accuracy
from headlens.viz.figures.labels import percent
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import draw_photo, formulas, shapes, table
from headlens.viz.pages.parts import draw_figure

DEIT = "Touvron et al. 2021 (DeiT), table 5"
VIT = "Dosovitskiy et al. 2021 (ViT), tables 1 and 2"
IMAGENET, JFT = "ImageNet-1k alone (1.3 million photos)", "JFT-300M, then ImageNet"
CNN, TRANSFORMER = "CNN", "vision transformer"
SIZES = (
    Size("DeiT-Ti", TRANSFORMER, IMAGENET, 5, 72.2, DEIT, "top"),
    Size("DeiT-S", TRANSFORMER, IMAGENET, 22, 79.8, DEIT, "top"),
    Size("DeiT-B", TRANSFORMER, IMAGENET, 86, 81.8, DEIT, "bottom"),
    Size("ViT-L/16", TRANSFORMER, JFT, 307, 87.76, VIT, "top"),
    Size("ViT-H/14", TRANSFORMER, JFT, 632, 88.55, VIT, "top"),
    Size("ResNet-50", CNN, IMAGENET, 25, 76.2, DEIT, "bottom"),
    Size("RegNetY-16GF", CNN, IMAGENET, 84, 82.9, DEIT, "top"),
    Size(
        "BiT-L", CNN, JFT, 928, 87.54, "Dosovitskiy et al. 2021, table 2; size: Kolesnikov et al. 2020 (BiT)", "bottom"
    ),
)


def vision(example: Example) -> None:
    """Step 10: patches are words."""
    recording = example.recording
    st.markdown(
        r"A vision transformer is the same encoder. **Patches are its words**: the photo is cut into squares, each "
        r"becomes a row, and a learned row, \[CLS], is put before them; what it has gathered at the end stands for "
        "the whole photo.\n\n"
        "Why no convolution? A CNN is built to look nearby first and the same way everywhere. A transformer is told "
        "neither: it must learn both from data. With little data that costs accuracy; with much of it they reach what "
        "CNNs reach, and any patch can look at any other from the first layer on."
    )
    formulas(r"z_0 = [x_{\mathrm{class}};\; x_p^1 E;\; \dots;\; x_p^N E] + E_{\mathrm{pos}}")
    if recording.photo is None:
        st.markdown("Your example is a text: choose *a photo* above to see what \\[CLS] looks at.")
    elif recording.prefix_tokens == 0:
        st.markdown("This model has no \\[CLS]: what it says of the whole photo is read from all patches together.")
    else:
        rows, columns = recording.photo.grid
        weights = recording.attention(example.layer, example.head, 0)
        shapes(patches=(rows, columns), z_0=(recording.num_tokens, example.width))
        st.markdown(f"What \\[CLS] looks at in layer {example.layer}, head {example.head}:")
        draw_photo(replace(example, query=0), weights, "The photo with the weights of [CLS] as heat.")
        row, column = divmod(int(np.argmax(weights[recording.prefix_tokens :])), columns)
        st.text(f"Most at patch ({row}, {column}): {percent(weights[recording.prefix_tokens :].max())}.")
    st.markdown("Size and accuracy of published models, vision transformers beside CNNs:")
    draw_figure(
        size_and_accuracy(SIZES, example.theme), "Points: parameters and accuracy; the table below has the numbers."
    )
    with st.expander("The numbers and where they are from"):
        table(
            {
                "model": [f"{size.name} ({size.family})" for size in SIZES],
                "million parameters": [f"{size.millions:g}" for size in SIZES],
                "top-1 accuracy, %": [f"{size.accuracy:g}" for size in SIZES],
                "trained on": [size.trained for size in SIZES],
                "source": [size.source for size in SIZES],
            }
        )
