"""What a head is called after, in a sentence."""

import dataclasses

import numpy as np
import pytest

from headlens.model.analysis.roles.recorded import RecordedRoles
from headlens.model.analysis.sample import LONG
from headlens.model.recording.recording import Recording
from headlens.viz.view.roles import orders_of, role_in_words
from headlens.viz.view.view import ORDERS, View
from tests.model.analysis.roles.test_roles import causal, pattern, photo, text
from tests.recordings import random_recording


def said(recording: Recording) -> str:
    return role_in_words(recording, View(0, 0, 0), sums=RecordedRoles(recording).of_layer(0))


def test_the_role_and_what_was_taken_away() -> None:
    recording = text(pattern(10, lambda query: [query - 1] * (query > 1)))
    assert said(recording) == (
        "Layer 0, head 0: previous token (1.00), 8 of 10 positions; 68\u00a0% of its weight rests on [CLS] and [SEP]."
    )
    itself = causal(pattern(8, lambda query: [query] * (query > 0)))
    assert said(itself) == (
        "Layer 0, head 0: same position (1.00), 6 of 8 positions; 65\u00a0% of its weight rests on “A”."
    )
    near = photo(pattern(22, lambda query: [query] * (query > 1)))
    assert said(near).startswith("Layer 0, head 0: near patches (1.00), 20 of 22 positions; 64\u00a0% of its weight")
    assert said(near).endswith("rests on [CLS] and [REG].")


def test_where_none_stands_out() -> None:
    several = text(pattern(10, lambda query: [query - 1, query, query + 1]))
    assert "no role stands out (nearest: " in said(several)
    assert "rests on" not in said(dataclasses.replace(several, special=np.zeros(10, bool)))
    assert "too few positions can tell its role; 100" in said(text(pattern(10, lambda query: [])))


def test_a_sample_is_said_to_be_one() -> None:
    long = random_recording(num_layers=1, num_heads=1, num_tokens=LONG + 1)
    roles = RecordedRoles(long)
    sums = roles.of_layer(0)
    sums.total[:] = 0
    same = [role.key for role in roles.roles].index("same")
    sums.total[same] = sums.count[same]
    assert "same position (1.00), all evenly spaced positions" in role_in_words(long, View(0, 0, 0), sums=sums)


def test_of_several_heads_it_is_the_role_of_the_one_chosen_last() -> None:
    recording = text(pattern(10, lambda query: [query - 1] * (query > 1)))
    recording = dataclasses.replace(recording, layers=recording.layers * 2)
    sums = RecordedRoles(recording).of_layer(1)
    for view in (View(1, 0, 0, "heads", heads=((0, 0), (1, 0))), View(1, 0, 0, "layer"), View(1, 0, 0, "all")):
        found = role_in_words(recording, view, sums=sums)
        assert found.startswith("Layer 1, head 0, the last one chosen: previous token (1.00), 8 of 10")


def test_where_words_are_shown_roles_are_said_to_be_between_tokens() -> None:
    recording = text(pattern(10, lambda query: [query - 1] * (query > 1)))
    words = role_in_words(recording.merged("words"), View(0, 0, 0), sums=RecordedRoles(recording).of_layer(0))
    assert words == said(recording)[:-1] + "; roles are measured between tokens."


@pytest.mark.parametrize("make", [text, photo, causal])
def test_the_orders_of_a_recording(make) -> None:
    orders = orders_of(make(pattern({text: 10, photo: 22, causal: 8}[make], lambda query: [])))
    assert (orders[0], orders[-1]) == ("layer", "key")
    assert set(orders) < set(ORDERS)
    assert ("near" in orders, "previous" in orders, "next" in orders) == {
        text: (False, True, True), photo: (True, False, False), causal: (False, True, False)
    }[make]  # fmt: skip
