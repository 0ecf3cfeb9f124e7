"""Roles of heads among tokens, one after the other."""

import numpy as np

from headlens.model.analysis.heads import FAR
from headlens.model.analysis.roles.positions import NOWHERE, Positions
from headlens.model.analysis.roles.role import EntropyRole, Role, WeightRole

CLARK = "Clark et al. 2019, “What Does BERT Look At?”"
VOITA = "Voita et al. 2019, “Analyzing Multi-Head Self-Attention”"
OLSSON = "Olsson et al. 2022, “In-context Learning and Induction Heads”"
XIAO = "Xiao et al. 2024, “Efficient Streaming Language Models with Attention Sinks”"


def _away(positions: Positions, queries: np.ndarray) -> np.ndarray:
    """How many positions a key stands behind a query, [query, key]."""
    away: np.ndarray = np.arange(positions.count) - queries[:, None]
    return away


def _same_id(positions: Positions, queries: np.ndarray) -> np.ndarray:
    same: np.ndarray = _pairs_of_equals(positions.ids, queries) & (_away(positions, queries) != 0)
    return same


def _same_word(positions: Positions, queries: np.ndarray) -> np.ndarray:
    some = positions.words[..., queries, None] != NOWHERE
    same: np.ndarray = _pairs_of_equals(positions.words, queries) & some & (_away(positions, queries) != 0)
    return same


def _after_a_copy(positions: Positions, queries: np.ndarray) -> np.ndarray:
    before = np.roll(positions.ids, 1, axis=-1)
    earlier = (_away(positions, queries) < 0) & (np.arange(positions.count) > 0)
    follows: np.ndarray = earlier & (positions.ids[..., queries, None] == before[..., None, :])
    return follows


def _far(positions: Positions, queries: np.ndarray) -> np.ndarray:
    far = np.abs(_away(positions, queries)) >= FAR
    return np.where(positions.special[..., queries, None], np.nan, far)


def _pairs_of_equals(values: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """[..., query, key] bool of values [..., key]."""
    equal: np.ndarray = values[..., queries, None] == values[..., None, :]
    return equal


PREVIOUS = WeightRole(
    key="previous",
    name="previous token",
    definition="The share of the rest that lies on the token just before.",
    source=f"{CLARK}, section 3.1; {VOITA}, section 5.1",
    needs=frozenset({"sequence"}),
    counts=lambda positions, queries: _away(positions, queries) == -1,
)
NEXT = WeightRole(
    key="next",
    name="next token",
    definition="The share of the rest that lies on the token just behind.",
    source=f"{CLARK}, section 3.1; {VOITA}, section 5.1",
    needs=frozenset({"sequence", "both ways"}),
    counts=lambda positions, queries: _away(positions, queries) == 1,
)
SAME = WeightRole(
    key="same",
    name="same position",
    definition="The share of the rest that a position gives to itself.",
    source=f"{CLARK}, section 3.1",
    needs=frozenset({"within"}),
    counts=lambda positions, queries: _away(positions, queries) == 0,
)
FIRST = WeightRole(
    key="first",
    name="first token",
    definition="The share of all weight that lies on the first token: [CLS], or where a causal model rests.",
    source=f"{XIAO}, section 3.1; {CLARK}, section 3.2",
    needs=frozenset({"sequence"}),
    among="all",
    named_from=None,
    counts=lambda positions, queries: np.arange(positions.count) == 0,
)
SPECIAL = WeightRole(
    key="special",
    name="special tokens",
    definition="The share of all weight that rests on special tokens ([CLS], [SEP], registers) and on a causal model's "
    "first token.",
    source=f"{CLARK}, section 3.2; {XIAO}, section 3.1 (attention sinks)",
    among="all",
    named_from=None,
    counts=lambda positions, queries: positions.special[..., None, :],
)
ENDS = WeightRole(
    key="ends",
    name="ends of sentences and lines",
    definition="The share of the rest that lies on full stops, question and exclamation marks, and line breaks.",
    source=f"{CLARK}, section 3.2 (delimiters)",
    needs=frozenset({"text"}),
    counts=lambda positions, queries: positions.ends[..., None, :],
)
PUNCTUATION = WeightRole(
    key="punctuation",
    name="punctuation",
    definition="The share of the rest that lies on punctuation marks and line breaks.",
    source=f"{CLARK}, section 3.2",
    needs=frozenset({"text"}),
    counts=lambda positions, queries: positions.punctuation[..., None, :],
)
DUPLICATE = WeightRole(
    key="duplicate",
    name="same token elsewhere",
    definition="The share of the rest that lies on other places of the same token, from tokens that have such.",
    source="Wang et al. 2023, “Interpretability in the Wild” (duplicate-token heads); " + OLSSON,
    needs=frozenset({"within", "text"}),
    counts=_same_id,
)
INDUCTION = WeightRole(
    key="induction",
    name="induction",
    definition="The share of the rest that lies on the tokens that came after earlier places of the same token.",
    source=OLSSON,
    needs=frozenset({"sequence", "causal", "text"}),
    counts=_after_a_copy,
)
WORD = WeightRole(
    key="word",
    name="same word",
    definition="The share of the rest that lies on the other pieces of the same word, from words in several pieces.",
    source="Correia et al. 2019, “Adaptively Sparse Transformers” (BPE-merging head)",
    needs=frozenset({"within", "text"}),
    counts=_same_word,
)
RESIDUES = WeightRole(
    key="far",
    name="far residues",
    definition=f"The share of the rest that lies on residues {FAR} or more away in the chain, where contacts show.",
    source="Vig et al. 2021, “BERTology Meets Biology”, section 4.1",
    needs=frozenset({"within", "residues"}),
    named_from=None,
    counts=_far,
)
BROAD = EntropyRole(
    key="broad",
    name="broad",
    definition="The entropy of the rest over that of an even spread, log(keys): 0 where one key has all, 1 where all "
    "have the same.",
    source=f"{CLARK}, section 3.3 (entropy); Pielou 1966, “The Measurement of Diversity” (over its largest value)",
    named_from=0.95,  # an even spread over three quarters of 256 patches: an object that fills half is nothing broad
    of_entropy=lambda entropy, keys: entropy / keys.log(),
)
SPREAD = EntropyRole(
    key="spread",
    name="spread in tokens",
    definition="Over how many tokens all weight spreads: exp of its entropy.",
    source=f"{CLARK}, section 3.3",
    unit="tokens",
    among="all",
    named_from=None,
    of_entropy=lambda entropy, keys: entropy.exp(),
)
DISTANCE = WeightRole(
    key="distance",
    name="distance in tokens",
    definition="How many tokens away a head looks on average, by all of its weight.",
    source="Vig & Belinkov 2019, “Analyzing the Structure of Attention”",
    needs=frozenset({"sequence"}),
    unit="tokens",
    among="all",
    named_from=None,
    counts=lambda positions, queries: np.abs(_away(positions, queries)),
)
DISTANCE_OF_REST = WeightRole(
    key="distance-rest",
    name="distance in tokens, without special ones",
    definition="How many tokens away a head looks on average, by the rest of its weight.",
    source="Vig & Belinkov 2019, “Analyzing the Structure of Attention”",
    needs=frozenset({"sequence"}),
    unit="tokens",
    named_from=None,
    counts=lambda positions, queries: np.abs(_away(positions, queries)),
)
ROLES: tuple[Role, ...] = (
    PREVIOUS, NEXT, SAME, WORD, DUPLICATE, INDUCTION, ENDS, PUNCTUATION, BROAD, FIRST, SPECIAL, SPREAD, DISTANCE,
    DISTANCE_OF_REST, RESIDUES,
)  # fmt: skip
