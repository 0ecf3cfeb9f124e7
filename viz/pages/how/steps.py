"""The steps in their order."""

from collections.abc import Callable
from dataclasses import dataclass

from headlens.viz.pages.how import attention, cost, heads, layers, positions, pytorch, vectors, vision
from headlens.viz.pages.how.example import Example


@dataclass(frozen=True)
class Step:
    """One step of the page."""

    title: str
    short: str  # in the list of steps
    show: Callable[[Example], None]
    terms: tuple[str, ...]  # of the glossary
    attempt: str  # one thing to try
    source: str
    vectors: bool = False  # it needs queries, keys and values, which a few models do not give


STEPS = (
    Step(
        "A soft dictionary",
        "Dictionary",
        attention.dictionary,
        ("query", "key", "value", "score", "weight", "temperature"),
        "Pull the temperature to 0, then slowly up: from which temperature on does a second key get a tenth?",
        "Vaswani et al. 2017, section 3.2; soft alignment: Bahdanau et al. 2015, section 3.1; temperature: Hinton et "
        "al. 2015, equation 1.",
    ),
    Step(
        "From words or patches to vectors",
        "Vectors",
        vectors.vectors,
        ("token", "patch", "embedding", "[CLS]"),
        "Take a word that comes twice, or two patches of plain background, as the query: what it is stays alike, "
        "wherever it is.",
        "Vaswani et al. 2017, section 3.4; Devlin et al. 2019, section 3; Dosovitskiy et al. 2021, section 3.1, "
        "equation 1, section 4.5 and figure 7.",
    ),
    Step(
        "Where is a word?",
        "Positions",
        positions.positions,
        ("position encoding", "embedding"),
        "Run it without encodings, then with: when do the rows follow their tokens?",
        "Vaswani et al. 2017, section 3.5; Devlin et al. 2019, section 3; Dosovitskiy et al. 2021, figure 7, middle.",
    ),
    Step(
        "Query, key and value",
        "Q, K, V",
        heads.projections,
        ("query", "key", "value", "head"),
        "Change the head: the row stays the same, its query, key and value do not.",
        "Vaswani et al. 2017, section 3.2.2.",
        vectors=True,
    ),
    Step(
        "Scores, scaling, softmax",
        "Softmax",
        attention.softmax,
        ("score", "softmax", "weight"),
        "Switch to the other way of scaling, and watch the slopes of all keys but the winner.",
        "Vaswani et al. 2017, section 3.2.1, equation 1 and footnote 4.",
        vectors=True,
    ),
    Step(
        "The weighted sum",
        "Sum",
        attention.weighted_sum,
        ("value", "weight", "context vector"),
        "Find a key with a large weight that adds little: the norm of its value is small. Special tokens are often "
        "like that.",
        "Vaswani et al. 2017, equation 1; norms: Kobayashi et al. 2020, “Attention is Not Only a Weight”, section 3.",
        vectors=True,
    ),
    Step(
        "Many heads",
        "Heads",
        heads.all_heads,
        ("head", "context vector", "residual stream"),
        "Which head writes most? Choose it above, and go back to see what it looks at.",
        "Vaswani et al. 2017, section 3.2.2; what a head writes: Kobayashi et al. 2020, section 3; Elhage et al. 2021, "
        "“A Mathematical Framework for Transformer Circuits”.",
        vectors=True,
    ),
    Step(
        "The encoder layer",
        "Layer",
        layers.encoder_layer,
        ("residual stream", "layer norm", "feed-forward network"),
        "Switch between a text and a photo: all-MiniLM-L6-v2 normalises after each addition, DINOv2 before each part.",
        "Vaswani et al. 2017, sections 3.1 and 3.3; norm before: Dosovitskiy et al. 2021, equations 2 and 3, and Xiong "
        "et al. 2020; layer scale λ: Touvron et al. 2021 (CaiT), equation 4.",
    ),
    Step(
        "A stack of layers",
        "Stack",
        layers.stack,
        ("residual stream", "head"),
        "Choose the first token as the query, then a word or a patch: which one moves further from where it began?",
        "Mean attention distance: Dosovitskiy et al. 2021, figure 11 and appendix D.7, there in pixels.",
    ),
    Step(
        "Vision transformers",
        "ViT",
        vision.vision,
        ("patch", "[CLS]", "position encoding"),
        "With a photo, go through the heads of the last layer: some look at the object, some at the rest.",
        "Dosovitskiy et al. 2021, section 3.1, equation 1, and section 4.3 on how much data it takes.",
    ),
    Step(
        "The same in PyTorch",
        "PyTorch",
        pytorch.pytorch,
        ("score", "softmax", "head"),
        "Read the code from the bottom: which line is the soft dictionary?",
        "Vaswani et al. 2017, equation 1; torch.nn.functional.scaled_dot_product_attention.",
        vectors=True,
    ),
    Step(
        "What it costs",
        "Cost",
        cost.cost,
        ("token", "score", "head", "feed-forward network"),
        "Measure: from which length on do the scores cost more than the linear maps?",
        "Vaswani et al. 2017, section 4 and table 1.",
    ),
)
