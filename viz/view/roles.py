"""The roles of heads in words: what each is, and what a head is called after."""

import numpy as np

from headlens.model.analysis.roles.naming import Named, strongest_role
from headlens.model.analysis.roles.recorded import facts_of
from headlens.model.analysis.roles.roles import roles_for
from headlens.model.analysis.roles.score import Sums
from headlens.model.analysis.roles.text import SPECIAL
from headlens.model.analysis.sample import LONG, looking_queries
from headlens.model.recording.parts import WEIGHTS
from headlens.model.recording.recording import Recording
from headlens.viz.view.pieces import groups_of, pieces_of
from headlens.viz.view.view import View
from headlens.viz.view.wording import WORDING, percent
from headlens.viz.view.words import name_of

NAMES = 2  # of special tokens; of more they are not named one by one


def orders_of(recording: Recording) -> tuple[str, ...]:
    """The orders of the grid that there are for a recording, of `headlens.viz.view.view.ORDERS`."""
    return ("layer", *(role.key for role in roles_for(facts_of(pieces_of(recording)))), "key")


def role_in_words(recording: Recording, view: View, *, sums: Sums) -> str:
    """What the view's head is called after; of several heads, the one chosen last. Sums are of its layer.

    "Layer 4, head 11: previous token (0.94), all positions; 71 % of its weight rests on [CLS] and [SEP]."
    """
    template = WORDING["role"]["one" if view.scope == "head" else "several"]
    return template.format(layer=view.layer, head=view.head, role=role_of(recording, view.head, sums=sums))


def role_of(recording: Recording, head: int, *, sums: Sums) -> str:
    """The same without saying of which head: of a layer, whose the sums are.

    Roles are between tokens, where words are shown too.
    """
    between = "" if groups_of(recording) is None else "; roles are measured between tokens"
    named = named_role(recording, head, sums=sums)
    recording = pieces_of(recording)
    roles = roles_for(facts_of(recording))
    said = named_in_words(named, "positions")
    if named is not None and named.stands_out:
        said += ", " + _positions(recording, int(sums.count[roles.index(named.role), head]))
    return said + _rests(recording, float(sums.mean[roles.index(SPECIAL), head])) + between


def named_role(recording: Recording, head: int, *, sums: Sums) -> Named | None:
    """The strongest role of a head of a layer, whose the sums are."""
    recording = pieces_of(recording)
    roles = roles_for(facts_of(recording))
    scores, counts = sums.mean[:, head], sums.count[:, head]
    return strongest_role(roles, scores, counts=counts, looking=len(looking_queries(recording)))


def named_in_words(named: Named | None, what: str, *, spread: str = "") -> str:
    """A head's strongest role with its score, the mean over some of what: "positions", "inputs"; " ± 0.05" behind."""
    if named is None:
        return f"too few {what} can tell its role"
    if named.stands_out:
        return f"{named.role.name} ({named.score:.2f}{spread})"
    return f"no role stands out (nearest: {named.role.name}, {named.score:.2f}{spread})"


def _positions(recording: Recording, count: int) -> str:
    looking = len(looking_queries(recording))
    evenly = "evenly spaced " if recording.num_tokens > LONG else ""
    return f"all {evenly}positions" if count == looking else f"{count:,} of {looking:,} {evenly}positions"


def _rests(recording: Recording, share: float) -> str:
    """How much rests on special tokens, and on which, where there are any that are not left out."""
    special = np.flatnonzero(recording.special)
    if not len(special) or WEIGHTS in recording.notes:
        return ""
    names = list(dict.fromkeys(name_of(recording, int(token)) for token in special))
    on = " and ".join(names) if len(names) <= NAMES else "special tokens"
    return f"; {percent(share)} of its weight rests on {on}"
