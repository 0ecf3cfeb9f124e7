"""Models as people bring them: what the pages say is what transformers' own tooling says."""

import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from transformers import AutoImageProcessor, AutoTokenizer, pipeline

from headlens.model import load_model
from headlens.model.analysis.orders import head_order
from headlens.model.analysis.roles.recorded import role_scores
from headlens.model.huggingface.record.answers import ALONE
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.recording.parts import Predicts
from headlens.viz.figures.labels import percent
from headlens.viz.inputs.samples import PHOTOS, TEXTS_FOR
from headlens.viz.view.visible import visible
from tests.browser.look import open_page, screenshot, settle
from tests.browser.serve import ROOT
from tests.model.huggingface.adapters import by_peft
from tests.model.huggingface.adapters import write as write_adapter
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.text.test_pipelines import PAIR, ROBERTA
from tests.model.huggingface.text_models import BERTISH, write_folder, write_model
from tests.model.huggingface.vision.test_own_processor import write as write_image


def texts_of(folder: Path) -> str:
    """The address of the page Text, with the model and a pair."""
    return f"?model={quote(str(folder.relative_to(ROOT)))}&text={quote(PAIR[0])}&text2={quote(PAIR[1])}"


def bars(page: Page) -> list[str]:
    """What stands on the bars of the predictions."""
    return page.locator(".js-plotly-plot .annotation-text").all_text_contents()


@pytest.mark.parametrize(("kind", "labels"), [("classifier", 3), ("cross-encoder", 1)])
def test_a_fine_tuned_roberta_reads_a_pair(
    kind: str, labels: int, page: Page, address: str, models_folder: Path
) -> None:
    folder = models_folder / kind
    write_model(folder, family_tokenizer("RoBERTa"), "RobertaForSequenceClassification", **ROBERTA, num_labels=labels)
    open_page(page, f"{address}/{texts_of(folder)}")
    words = "".join(page.locator(".hl-strip span").all_text_contents())
    assert words.replace(" ", "") == "<s>Whoworks?</s></s>Annaworks.</s>"
    rows = pipeline("text-classification", model=str(folder), top_k=None)([{"text": PAIR[0], "text_pair": PAIR[1]}])[0]
    heading = "The class of the whole input" if labels == 3 else "The score of the whole input"
    expect(page.get_by_text(re.compile(heading))).to_be_visible()
    expect(page.locator(".js-plotly-plot .annotation-text").first).to_be_attached()
    shown = bars(page)
    for row in rows:
        assert row["label"] in shown
        assert percent(row["score"]) in shown
    screenshot(page, f"people-{kind}", "1440")


def test_an_adapter_is_opened_with_its_base(page: Page, address: str, models_folder: Path) -> None:
    folder = write_adapter(models_folder / "trained", "BERT, classes")
    name = str(folder.relative_to(ROOT))
    open_page(page, f"{address}/?text={quote(PAIR[0])}")
    page.get_by_role("button", name=re.compile("^Model: ")).click()
    page.get_by_role("textbox", name="Your own: a folder or Hub id").fill(name)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text(f"{name}, an adapter of base: BertForSequence")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Load it").click()
    expect(page.get_by_text(re.compile("The class of the whole input"))).to_be_visible(timeout=30_000)
    expect(page.get_by_text(f"{name}, an adapter of base · 2 layers")).to_be_visible()
    expect(page.locator(".js-plotly-plot .annotation-text").first).to_be_attached()
    network = by_peft(folder, "BERT, classes", merged=True)
    tokenizer = AutoTokenizer.from_pretrained(models_folder / "trained" / "base")
    rows = pipeline("text-classification", model=network, tokenizer=tokenizer, top_k=None)([PAIR[0]])[0]
    shown = bars(page)
    for row in rows:
        assert row["label"] in shown
        assert percent(row["score"]) in shown
    screenshot(page, "people-adapter", "1440")


def test_a_multi_label_vit_reads_what_its_processor_leaves(page: Page, address: str, models_folder: Path) -> None:
    folder = models_folder / "vit"
    write_image(folder, "DINOv2", problem_type="multi_label_classification")
    open_page(page, f"{address}/image?model={quote(str(folder.relative_to(ROOT)))}&sample=Coffee")
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    photo = PHOTOS["Coffee"].read()
    (folder / "coffee.jpg").write_bytes(photo)
    rows = pipeline("image-classification", model=str(folder), image_processor=own)(str(folder / "coffee.jpg"), top_k=3)
    expect(page.get_by_text(re.compile("The labels of the whole input, each"))).to_be_visible()
    expect(page.locator(".js-plotly-plot .annotation-text").first).to_be_attached()
    shown = bars(page)
    for row in rows:
        assert visible(row["label"]) in shown
        assert percent(row["score"]) in shown
    expect(page.get_by_text("the rest was cut away", exact=False)).to_be_visible()
    screenshot(page, "people-vit", "1440")
    page.get_by_role("button", name="Read the whole photo").click()
    page.wait_for_url(re.compile("size=224"))
    settle(page)
    expect(page.get_by_text(re.compile("their positions were stretched to 28 × 42"))).to_be_visible()
    expect(page.get_by_role("button", name="Read the whole photo")).to_have_count(0)


def test_characters_of_several_tokens(page: Page, address: str, smollm2: TransformersText) -> None:
    page.goto(f"{address}/?model=smollm2-135m&text={quote('café 机器学习')}")
    page.wait_for_selector(".hl[data-painted]", timeout=120_000)
    settle(page)
    expected = smollm2.record("café 机器学习").tokens
    assert "".join(expected[:2]).startswith("ca")
    assert any(re.fullmatch(r"[机器学习] \d/\d", name) for name in expected)
    assert page.locator(".hl-strip span").all_text_contents() == [visible(name) for name in expected]
    screenshot(page, "people-characters", "1440")


def test_a_protein(page: Page, address: str, models_folder: Path) -> None:
    folder = write_folder("ESM-2", models_folder / "esm")
    protein = "MKTAYIAKQRQISFVKSHFSRQ"
    place = f"?model={quote(str(folder.relative_to(ROOT)))}&text={protein}"
    open_page(page, f"{address}/{place}")
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    recording = model.record(protein)
    names = [visible(name) for name in recording.tokens]
    assert names[1:3] == ["M1", "K2"]
    assert page.locator(".hl-strip span").all_text_contents() == names
    page.get_by_label("Order").select_option("far")
    page.wait_for_url(re.compile("order=far"))
    settle(page)
    measured = role_scores(recording)["far"]
    order = page.evaluate("document.querySelector('.hl').explorer.state.header.order")
    assert [(layer, head) for layer, head, _ in order] == [row[:2] for row in head_order(measured, *measured.shape)]
    np.testing.assert_allclose([row[2] for row in order], np.sort(measured.ravel())[::-1], rtol=1e-5)
    screenshot(page, "people-protein", "1440")
    open_page(page, f"{address}/{place}&order=far")
    expect(page.get_by_label("Order")).to_have_value("far")
    open_page(page, f"{address}/")
    expect(page.locator("option[value=far]")).to_have_count(0)


def test_an_answer_and_where_it_starts(page: Page, address: str, models_folder: Path) -> None:
    folder = models_folder / "answers"
    write_model(folder, family_tokenizer("BERT"), "BertForQuestionAnswering", **BERTISH)
    place = f"{address}/?model={quote(str(folder.relative_to(ROOT)))}"
    open_page(page, place)
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    first, second = TEXTS_FOR[Predicts.ANSWER]
    for texts in ((first, second), PAIR):
        recording = model.record(texts)
        expect(page.get_by_text("The answer, with probabilities")).to_be_visible()
        expect(page.get_by_text("Where the answer starts, with probabilities")).to_be_visible()
        shown = bars(page)
        for prediction in recording.predictions:
            for name, score in prediction.candidates[:3]:
                assert visible(name) in shown
                assert percent(score) in shown
        open_page(page, f"{address}/{texts_of(folder)}")
    screenshot(page, "people-answer", "1440")
    open_page(page, f"{place}&text=Who%3F")
    expect(page.get_by_text(ALONE)).to_be_visible()


def test_one_of_several_choices(page: Page, address: str, models_folder: Path) -> None:
    folder = models_folder / "choices"
    write_model(folder, family_tokenizer("RoBERTa"), "RobertaForMultipleChoice", **ROBERTA)
    place = f"{address}/?model={quote(str(folder.relative_to(ROOT)))}"
    open_page(page, place)
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    before, lines = TEXTS_FOR[Predicts.CHOICE]
    recording = model.record((before, lines))
    (prediction,) = recording.predictions
    best = lines.splitlines().index(prediction.candidates[0][0]) + 1
    chosen = page.get_by_role("radio", name=re.compile(rf"Choice {best}: "))
    expect(chosen).to_be_checked()
    shown = bars(page)
    for name, score in prediction.candidates:
        assert visible(name) in shown
        assert percent(score) in shown
    screenshot(page, "people-choices", "1440")
    other = best % 3 + 1
    page.get_by_text(re.compile(rf"Choice {other}: ")).click()
    page.wait_for_url(re.compile(f"stage=choice.{other}"))
    settle(page)
    names = [visible(name) for name in recording.of(f"choice {other}").tokens]
    assert page.locator(".hl-strip span").all_text_contents() == names
    page.reload()
    settle(page)
    assert page.locator(".hl-strip span").all_text_contents() == names
    open_page(page, f"{place}&text=alone")
    expect(page.get_by_text("This model chooses between texts", exact=False)).to_be_visible()
    page.get_by_role("textbox", name="Your text").fill("It is green because")
    page.get_by_role("textbox", name="Second sentence").fill("the river is.\nthe bank is.")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_text("Choice 2: the bank is.").first).to_be_visible()


def test_bytes(page: Page, address: str, models_folder: Path) -> None:
    folder = write_folder("ByT5", models_folder / "byt5")
    place = f"generate?model={quote(str(folder.relative_to(ROOT)))}&text={quote('Aé 機')}&tokens=4&stage=encoder"
    open_page(page, f"{address}/{place}")
    names = page.locator(".hl-strip span").all_text_contents()
    assert [name for name in names if name.strip()][:6] == ["A", "é 1/2", "é 2/2", "␣", "機 1/3", "機 2/3"]


def test_a_folder_without_a_tokenizer_is_refused(page: Page, address: str, models_folder: Path) -> None:
    folder = models_folder / "no-tokenizer"
    write_model(folder, family_tokenizer("RoBERTa"), "RobertaForSequenceClassification", **ROBERTA)
    for file in folder.glob("*token*"):
        file.unlink()
    page.goto(f"{address}/{texts_of(folder)}")
    sentence = "There is no tokenizer in 'no-tokenizer'; save the model's own there, with tokenizer.save_pretrained"
    expect(page.get_by_text(sentence, exact=False)).to_be_visible(timeout=60_000)
