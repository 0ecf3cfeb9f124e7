"""Steps 10 to 12: vision transformers, PyTorch, costs."""

import inspect
import re

import numpy as np
import pytest
import torch.nn.functional as F

from headlens.model.attention.formula import attention_scores, attention_weights, scaled_dot_product_attention
from headlens.model.nn.multi_head import MultiHeadAttention
from headlens.model.recording.recording import Recording
from headlens.viz.pages.how.vision import SIZES
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import run
from tests.viz.pages.how.opened import chart, open_how, said


def test_what_cls_looks_at(coffee: Recording) -> None:
    app = open_how(kind="image", step="10", layer="11", head="4")
    heat = numbers_in(chart(app, 0)["data"][0]["z"])
    np.testing.assert_allclose(heat, coffee.attention(11, 4, 0)[1:].reshape(16, 24), atol=1e-6)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert said(app, "Most at").startswith(f"Most at patch ({row}, {column}): ")


def test_every_published_number_is_in_the_table_with_its_source() -> None:
    (table,) = (text.value for text in open_how(step="10").markdown if text.value.startswith("| model"))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [line[2] for line in lines] == [f"{size.accuracy:g}" for size in SIZES]
    assert all(re.search(r" (19|20)\d\d", line[-1]) for line in lines)


def test_the_code_is_the_program_s_own_and_agrees_with_torch(trophy: Recording) -> None:
    app = open_how(step="11", layer="2")
    codes = [code.value for code in app.code]
    assert inspect.getsource(scaled_dot_product_attention).strip() in codes[0]
    assert all(inspect.getsource(part).strip() in codes[1] for part in (attention_scores, attention_weights))
    assert inspect.getsource(MultiHeadAttention).strip() in codes[2]
    heads = trophy.layers[2]
    fused = F.scaled_dot_product_attention(heads.query, heads.key, heads.value)
    ours = scaled_dot_product_attention(heads.query, heads.key, heads.value).context
    expected = float((ours - fused).abs().max())
    (shown,) = re.findall(r"between the two: (\S+)\.$", said(app, "Largest difference"))
    assert float(shown) == pytest.approx(expected, abs=1e-6)
    assert float(shown) < 1e-5


def test_the_three_lines_run() -> None:
    lines = open_how(step="11", layer="2", head="5").code[3].value
    names: dict = {}
    exec(compile(lines, "three lines", "exec"), names)
    assert names["weights"].shape == (17, 17)
    assert "layer=2, head=5" in lines


def test_costs_are_counted_for_this_input() -> None:
    sentence = said(open_how(step="12"), "One layer on your")
    assert f"{2 * 17**2 * 384:,} multiplications" in sentence
    assert f"{17 * (4 * 384**2 + 2 * 384 * 1536):,} for the linear maps" in sentence
    assert "it would be 16." in said(open_how(step="12"), "recurrent")


def test_measuring_starts_by_its_button_and_stays() -> None:
    app = open_how(step="12")
    assert len(app.get("plotly_chart")) == 0
    app.button(key="how_start").click()
    run(app)
    assert len(app.get("plotly_chart")) == 1
    lines = chart(app, 0)["data"]
    assert [line["name"] for line in lines] == ["heads one by one", "all heads at once", "linear maps"]
    for line in lines:
        assert numbers_in(line["x"]).tolist() == [64, 128, 256, 512, 1024]
        assert (numbers_in(line["y"]) > 0).all()
    assert len(run(app).get("plotly_chart")) == 1
