"""The page Sound: its samples, a sound of one's own, what is refused, and the words of its view."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.analysis.joint import joined
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.inputs.patches import cut_patches
from headlens.model.inputs.sound_file import open_sound as open_file
from headlens.model.load import load_model
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.sound_samples import RATE, SECONDS, SOUNDS, sample_file
from headlens.viz.pages import runtime
from tests.model.huggingface.sound_models import speech, write
from tests.model.inputs.sounds import file_of
from tests.viz.pages.apps import address, as_read, choose, errors, open_sound, shown, tell, upload, view


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    for family in ("wav2vec2-ctc", "ast-classifier", "whisper"):
        write(family, place / family)
    return place


@pytest.fixture(autouse=True)
def folders(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FOLDERS, str(place))
    yield
    runtime.shared().models.clear()


def recorded(folder: Path, content: bytes) -> Recording:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersSound)
    return model.record(content)


def assert_shows(app: AppTest, recording: Recording) -> None:
    found = shown(app)
    assert errors(app) == []
    assert found.header["tokens"] == list(recording.tokens)
    layer, head, query = view(app)
    np.testing.assert_allclose(found.seen(), recording.attention(layer, head, query), atol=3e-4)


def texts(app: AppTest) -> list[str]:
    return [each.value for each in app.text]


def test_without_a_model_it_says_what_to_do() -> None:
    app = open_sound()
    (info,) = app.info
    assert info.value.startswith("No model that hears is bundled: choose one by the button *Model*")
    assert not app.get("bidi_component")
    assert not app.get("button_group")
    assert any(each.key == "sound_recording" for each in app.file_uploader), "a recording can be opened without one"


@pytest.mark.parametrize("name", SOUNDS)
def test_samples(name: str, place: Path) -> None:
    folder = place / "wav2vec2-ctc"
    app = open_sound(model=str(folder), sample="Rising" if name != "Rising" else "Knocks")
    choose(app, sound_sample=name)
    first = {} if name == "Two tones" else {"sample": name}
    assert address(app) == {"model": str(folder), **first}
    recording = recorded(folder, sample_file(name))
    assert_shows(app, recording)
    assert shown(app).header["link"] == "This link opens what you see."
    assert f"Heard: {recording.notes['heard']}" in texts(app)
    assert len(app.get("audio")) == 1
    samples = open_file(sample_file(name), 60).samples
    assert len(samples) == RATE * SECONDS
    assert 0.2 < np.abs(samples).max() <= 1


def test_frames_are_frames(place: Path) -> None:
    app = open_sound(model=str(place / "wav2vec2-ctc"))
    found = shown(app)
    assert found.header["wording"]["patch"] == "frame {name}"
    assert (found.header["grid"], found.header["aspect"]) == ([1, 149], 4.0)
    tell(app, more=1)
    words = shown(app).header["words"]
    assert " frames away on average (of 1 × 149)." in words
    assert words.startswith("From frame ")
    assert "patch" not in words
    heading = next(text for text in texts(app) if text.startswith("What is heard at frame "))
    assert found.header["tokens"][view(app)[2]] in heading


def test_it_starts_where_the_sound_is(place: Path) -> None:
    app = open_sound(model=str(place / "wav2vec2-ctc"), sample="Two tones")
    at = view(app)[2] * 0.02
    assert 0.24 <= at % 1.5 < 1.25


def test_it_does_not_start_on_what_a_short_sound_is_filled_up_with(place: Path) -> None:
    app = open_sound(model=str(place / "ast-classifier"))
    content = file_of(speech(0.5) * 1e-3, 16_000)
    upload(app, content, "mine.wav", "audio/wav")
    recording = recorded(place / "ast-classifier", content)
    photo = recording.photo
    assert photo is not None
    loudness = cut_patches(photo.pixels, photo.grid, axis=0).mean(axis=(1, 2, 3))
    times = np.array([float(name.split()[0]) for name in recording.tokens[recording.prefix_tokens :]])
    assert times[loudness.argmax()] >= 0.5, "the zeros are the brightest here"
    start = view(app)[2] - recording.prefix_tokens
    assert times[start] + 0.16 <= 0.5
    assert loudness[start] == loudness[times + 0.16 <= 0.5].max()


def test_patches_of_a_spectrogram(place: Path) -> None:
    folder = place / "ast-classifier"
    app = open_sound(model=str(folder))
    assert_shows(app, recorded(folder, sample_file("Two tones")))
    assert shown(app).header["wording"]["patch"] == "patch {name}"
    assert "The class of the whole input, with probabilities" in texts(app)
    assert app.info[0].value.startswith("This sound is longer than 1.295 s")


def test_words_look_at_moments(place: Path) -> None:
    folder = place / "whisper"
    app = open_sound(model=str(folder), sample="Knocks")
    recording = recorded(folder, sample_file("Knocks"))
    cross = joined(recording.of("cross"))
    assert_shows(app, cross)
    assert view(app)[2] < cross.prefix_tokens, "it starts at a word"
    assert f"Heard: {recording.of('decoder').texts[0]}" in texts(app)
    tell(app, more=1)
    assert " positions of the spectrogram; " in shown(app).header["words"]
    choose(app, sound_stage="encoder")
    assert address(app) == {"model": str(folder), "sample": "Knocks", "stage": "encoder"}
    assert_shows(app, recording)


@pytest.mark.parametrize(("kind", "rate"), [("WAV", 48_000), ("FLAC", 16_000)])
def test_a_sound_of_ones_own(kind: str, rate: int, place: Path) -> None:
    folder = place / "wav2vec2-ctc"
    content = file_of(speech(1.0, rate), rate, kind)
    app = upload(open_sound(model=str(folder)), content, f"mine.{kind.lower()}", "audio/x")
    assert address(app) == {"model": str(folder), "own": "1"}
    assert_shows(app, recorded(folder, content))
    assert shown(app).header["link"] == "Your sound is not in this link."
    assert app.session_state.sound_sample is None


@pytest.mark.parametrize("content", [b"a text", file_of(np.zeros(100), 16_000), b""], ids=["text", "short", "empty"])
def test_what_is_no_sound_leaves_the_last_one(content: bytes, place: Path) -> None:
    folder = place / "wav2vec2-ctc"
    app = upload(open_sound(model=str(folder), sample="Rising"), content, "notes.wav", "audio/wav")
    assert len(errors(app)) == 1
    assert address(app) == {"model": str(folder), "sample": "Rising"}
    assert shown(app).header["tokens"] == list(recorded(folder, sample_file("Rising")).tokens)


def test_a_link_to_somebodys_own_sound_shows_a_sample(place: Path) -> None:
    app = open_sound(model=str(place / "wav2vec2-ctc"), own="1")
    assert any("The sound of this link is not in it" in as_read(info.value) for info in app.info)
    assert_shows(app, recorded(place / "wav2vec2-ctc", sample_file("Two tones")))


def test_without_soundfile_one_sentence_says_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    app = open_sound(model=str(place / "wav2vec2-ctc"))
    (error,) = errors(app)
    assert "pip install soundfile" in error
    assert not app.get("bidi_component")


def test_a_model_of_texts_belongs_elsewhere() -> None:
    app = open_sound(model="minilm-l6")
    assert errors(app) == ["The model of this link is for the page Text."]
    assert not app.get("bidi_component")


def test_what_the_explorer_told_of_the_sound_before_does_not_undo_an_upload(place: Path) -> None:
    app = open_sound(model=str(place / "whisper"))
    before, old = address(app), shown(app).header
    upload(app, file_of(speech(1.5), 16_000), "mine.wav", "audio/wav")
    own = address(app)
    assert own == {**before, "own": "1"}
    mine = shown(app).header
    app.query_params.clear()
    app.query_params.update(before)  # as it was when the browser sent the message, while the upload was read
    tell(app, view={**old["view"], "head": 1, "of": old["id"], "has": old["id"], "at": 1})
    assert address(app) == own
    assert shown(app).header["id"] == mine["id"]
    assert not shown(app).header["sent"]
    assert view(app)[1] == mine["view"]["head"]
    tell(app, view={**mine["view"], "head": 1, "of": mine["id"], "at": 2})
    assert address(app) == {**own, "layer": str(mine["view"]["layer"]), "head": "1"}
