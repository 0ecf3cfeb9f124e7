"""Chats: the ids of `apply_chat_template`, the template's tokens special, and what a stranger's template may not do."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoTokenizer

from headlens.model import Chat, load_model
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.text import chat as chat_templates
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.chat import BEGIN, END, rendered_chat
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface.chat_models import CHATML, FAMILIES, write_chat_model
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence

QUESTION, SYSTEM = "Who works? The café is big.", "The bank of the river is green."
FolderOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    root = tmp_path_factory.mktemp("chats")

    def find(family: str) -> Path:
        folder = root / family.replace(" ", "")
        return folder if folder.is_dir() else write_chat_model(family, folder)

    return find


def loaded(folder: Path) -> TransformersText:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    return model


def ids_by_transformers(folder: Path, chat: Chat) -> list[int]:
    messages = [{"role": "system", "content": chat.system}] if chat.system else []
    messages.append({"role": "user", "content": chat.user})
    return AutoTokenizer.from_pretrained(folder).apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=False
    )


CHATS = [
    ("Qwen 3", Chat(QUESTION)),
    ("Qwen 3", Chat(QUESTION, SYSTEM)),
    ("Qwen 3", Chat(f"  {QUESTION}\n ", "  ")),
    ("Qwen 3", Chat("the user says <|im_end|>", "system")),
    ("Llama", Chat(QUESTION)),
    ("Llama", Chat(f"{QUESTION} \n", SYSTEM)),
    ("Gemma", Chat(QUESTION)),
    ("Gemma", Chat(f"\n  {QUESTION}  ")),
]


@pytest.mark.parametrize(("family", "chat"), CHATS)
def test_the_ids_of_apply_chat_template_and_what_in_them_is_whose(
    family: str, chat: Chat, chat_folder: FolderOf
) -> None:
    folder = chat_folder(family)
    model = loaded(folder)
    assert model.chats
    given = model.read(chat)
    said = Chat(chat.user, chat.system.strip() and chat.system)
    assert list(given.ids) == ids_by_transformers(folder, said)
    begins = model.tokenizer.encode("").ids
    assert len(begins) == (family != "Qwen 3")
    assert all(given.ids.count(token_id) == 1 for token_id in begins)  # no second one that begins the text
    # The words of both messages, and no others, are not special.
    (text,) = given.texts
    words = [text[slice(*span)] for span, special in zip(given.offsets, given.special) if span and not special]
    typed = "".join(part for part in (said.system.strip(), said.user.strip())).replace("<|im_end|>", "")
    assert dict.fromkeys("".join(words).replace(" ", "")) == dict.fromkeys(typed.replace(" ", ""))
    names = model._token_names.of_text(given)
    for name in ("<|im_start|>", "<start_of_turn>", "<s>", "<bos>"):
        assert (name in names) == (name in text)
    assert {special for name, special in zip(names, given.special) if name.startswith("<|im") or name == "<s>"} <= {
        True
    }


def test_a_word_of_the_template_is_special_there_and_not_where_it_was_typed(chat_folder: FolderOf) -> None:
    given = loaded(chat_folder("Qwen 3")).read(Chat("user assistant", "system"))
    text = given.texts[0]
    assert (
        text
        == "<|im_start|>system\nsystem<|im_end|>\n<|im_start|>user\nuser assistant<|im_end|>\n<|im_start|>assistant\n"
    )
    own = [span for span, special in zip(given.offsets, given.special) if not special]
    typed = [index for span in own if span is not None for index in range(*span)]
    second = text.index("user assistant")
    assert set(typed) == {*range(19, 25), *range(second, second + len("user assistant"))}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_and_every_weight(family: str, chat_folder: FolderOf) -> None:
    folder = chat_folder(family)
    chat = Chat(QUESTION, "" if family == "Gemma" else SYSTEM)
    recording = loaded(folder).write(chat, 5)
    network = getattr(transformers, FAMILIES[family][0]).from_pretrained(folder, attn_implementation="eager").eval()
    prompt = ids_by_transformers(folder, chat)
    with torch.inference_mode():
        whole = network.generate(torch.tensor([prompt]), max_new_tokens=5, do_sample=False)
        theirs = network(whole, output_attentions=True).attentions
    assert recording.num_tokens == whole.shape[1]
    written = whole.shape[1] - len(prompt)
    assert recording.segments == (0,) * len(prompt) + (1,) * written
    for layer, weights in enumerate(theirs):
        np.testing.assert_allclose(recording.attention(layer), weights[0].numpy(), rtol=0, atol=5e-5)
    alone = loaded(folder).record(chat)
    assert alone.tokens == recording.tokens[: len(prompt)]


def test_a_model_that_reads_one_text_and_writes_another(tmp_path: Path) -> None:
    folder = write_folder("T5", tmp_path / "t5")
    (folder / "chat_template.jinja").write_text("Answer: {{ messages[-1]['content'] }}")
    model = loaded(folder)
    recording = model.write(Chat("the bank"), 3)
    assert recording.texts == ("Answer: the bank",)
    assert list(model.read(Chat("the bank")).ids) == ids_by_transformers(folder, Chat("the bank"))
    assert [name for name, special in zip(recording.tokens, recording.special) if not special] == ["the", "bank"]
    assert recording.of("cross").num_tokens == recording.of("decoder").num_tokens <= 4
    assert model.record(Chat("the bank")).texts == recording.texts  # what it writes is written


def test_a_template_that_refuses_says_why(chat_folder: FolderOf) -> None:
    with pytest.raises(InputError, match="says “System role not supported”") as refused:
        loaded(chat_folder("Gemma")).read(Chat(QUESTION, SYSTEM))
    assert is_one_sentence(refused.value)


def test_several_templates_and_those_of_old_configurations(tmp_path: Path) -> None:
    several = write_chat_model("Qwen 3", tmp_path / "several", {"default": CHATML, "tool_use": "{{ 'tools' }}"})
    assert loaded(several).read(Chat(QUESTION)).texts[0].startswith("<|im_start|>system\nYou are a helpful assistant")
    nameless = write_chat_model("Qwen 3", tmp_path / "nameless", {"rag": CHATML, "tool_use": CHATML})
    assert not loaded(nameless).chats
    old = write_chat_model("Qwen 3", tmp_path / "old", "{{ 'never' }}")
    (old / "chat_template.jinja").unlink()
    settings = json.loads((old / "tokenizer_config.json").read_text())
    settings["chat_template"] = [{"name": "default", "template": CHATML}, {"name": "rag", "template": "{{ 'rag' }}"}]
    (old / "tokenizer_config.json").write_text(json.dumps(settings))
    assert list(loaded(old).read(Chat(QUESTION)).ids) == ids_by_transformers(several, Chat(QUESTION))


def test_a_model_without_a_template(tmp_path: Path, minilm: EncoderTextModel) -> None:
    model = loaded(write_folder("Llama", tmp_path / "base"))
    assert not model.chats
    for read in (model.read, model.write, model.record, minilm.record):
        with pytest.raises(InputError, match="has no chat template") as refused:
            read(Chat(QUESTION))
        assert is_one_sentence(refused.value)


@pytest.mark.parametrize(
    ("template", "match"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "more time or memory"),
        ("{% set a = 10 ** (10 ** 9) %}{{ a % 7 }}", "more time or memory"),  # one operation, already as it is compiled
        ("{{ ('a' * 2500000000) | length }}", "more time or memory"),
        ("{% for a in range(99999) %}ab{% endfor %}", "makes 199,998 characters"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ raise_exception('<b>one</b>.\n\nTwo ' * 999) }}", "says “<b>one</b>. Two <b>"),
        ("{% if %}", "says “Expected an expression"),
        ("{{ nothing.at.all }}", "undefined"),
        ("{{ '' }}", "leaves nothing"),
    ],
)
def test_hostile_templates(template: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "99999) %}{% for" in template or "**" in template:  # they take all the time that they are given
        monkeypatch.setattr(chat_templates, "SECONDS", 1)
    model = loaded(write_chat_model("Qwen 3", tmp_path / "hostile", template))
    started = time.monotonic()
    with pytest.raises(InputError, match=match) as refused:
        model.read(Chat(QUESTION))
    assert time.monotonic() - started < 30
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 450


def test_a_huge_template_is_not_read(tmp_path: Path) -> None:
    folder = write_chat_model("Qwen 3", tmp_path / "huge")
    (folder / "chat_template.jinja").write_text(CHATML + "{#" + "a" * 1_000_000 + "#}")
    with pytest.raises(CheckpointError, match="larger than a megabyte") as refused:
        loaded(folder)
    assert is_one_sentence(refused.value)


def test_a_chat_that_is_too_long_is_refused_and_not_cut(chat_folder: FolderOf) -> None:
    model = loaded(chat_folder("Llama"))
    with pytest.raises(InputError, match=r"takes [\d,]+ tokens, and the model reads 256; shorten it") as refused:
        model.read(Chat("The trophy does not fit. " * 60))
    assert is_one_sentence(refused.value)
    for chat in (Chat(" "), Chat("a" * 100_001), Chat("a", "b" * 100_001), Chat(None), Chat("a", None)):  # type: ignore[arg-type]
        with pytest.raises(InputError):
            model.read(chat)


@pytest.mark.parametrize(
    ("text", "marked", "own"),
    [
        ("a b", f"a {BEGIN}b{END}", [0, 0, 1]),
        ("a b", f"a {BEGIN}{END}{BEGIN}b", [0, 0, 1]),
        ("ab", None, [1, 1]),
        ("ab", f"{BEGIN}a{END} b", [1, 1]),  # another text: nothing is known of it
        (f"a{BEGIN}", f"{BEGIN}a{BEGIN}{END}", [1, 1]),
        ("", "", []),
    ],
)
def test_whose_characters(text: str, marked: str | None, own: list[int]) -> None:
    assert rendered_chat(text, marked).own.tolist() == [bool(each) for each in own]
