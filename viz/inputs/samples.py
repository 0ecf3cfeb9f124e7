"""The samples that the pages open on, each with a model, and a head and a query of it that show something."""

from dataclasses import dataclass
from importlib import resources

from headlens.model.inputs.paint import Rectangle
from headlens.model.recording.parts import Predicts, Unit

FOLDER = resources.files("headlens.assets") / "samples"


@dataclass(frozen=True)
class TextSample:
    """A text, or a pair, and what to look at in it."""

    texts: tuple[str, ...]
    layer: int
    head: int
    query: int
    model: str = "minilm-l6"  # that the head and the query were chosen in


@dataclass(frozen=True)
class PhotoSample:
    """A photo, and what to look at in it."""

    file: str
    layer: int
    head: int
    position: tuple[float, float]  # down and across the photo, in shares of its height and width
    model: str = "dinov2-focus"  # that the head and the position were chosen in

    def read(self) -> bytes:
        """The file's bytes."""
        return (FOLDER / self.file).read_bytes()


@dataclass(frozen=True)
class PromptSample:
    """The beginning of a text, for a model to continue."""

    prompt: str
    model: str = "smollm2-135m"


TEXTS = {
    "Trophy": TextSample(("The trophy does not fit in the brown suitcase because it is too big.",), 3, 1, 11),
    "Keys": TextSample(("The keys to the old cabinet are on the table.",), 3, 1, 7),
    "Bank": TextSample(("She sat on the bank of the river and watched the boats go by.",), 0, 4, 5),
    "Its": TextSample(("The function returns an error if its argument is not a valid date.",), 2, 4, 7),
    "A pair": TextSample(("A cat is sleeping on the sofa.", "The kitten naps on the couch."), 2, 9, 16),
}
PAIRS = {  # to be compared: two texts that differ little
    "She, he": ("The nurse said that she was tired.", "The nurse said that he was tired."),
    "Two banks": ("She sat on the bank of the river.", "She went to the bank for money."),
    "Negated": ("The film was good, and I liked it.", "The film was not good, and I did not like it."),
}
PHOTO_PAIRS = {  # to be compared: two photos, and what is painted over in the second
    "An eye painted over": ("Cat", "Cat", Rectangle(28, 26, 48, 52)),
    "Two photos": ("Coffee", "Cat", None),
}
PHOTOS = {
    "Coffee": PhotoSample("coffee.jpg", 11, 4, (0.42, 0.365)),
    "Cat": PhotoSample("chelsea.jpg", 10, 3, (0.328, 0.365)),
    "Astronaut": PhotoSample("astronaut.jpg", 11, 4, (0.266, 0.453)),
    "Rocket": PhotoSample("rocket.jpg", 11, 3, (0.64, 0.51)),
}
FIRST_TEXT, FIRST_PAIR, FIRST_PHOTO = "Trophy", "She, he", "Coffee"
FIRST_PHOTO_PAIR = "An eye painted over"
FIRST_PROMPT = PromptSample("The capital of France is")


# What the page Text opens on with a model that reads something else than a sentence.
TEXTS_FOR: dict[Predicts | Unit, tuple[str, ...]] = {
    "residue": ("MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG",),  # ubiquitin, human
    Predicts.ANSWER: ("Where does the trophy not fit?", TEXTS["Trophy"].texts[0]),
    Predicts.CHOICE: (
        "The trophy does not fit in the brown suitcase because",
        "it is too big.\nit is too old.\nthe suitcase is on the table.",
    ),
}


def text_sample_name(texts: tuple[str, ...]) -> str | None:
    """The name of the sample that has these texts; None: they are nobody's but the visitor's."""
    names = {sample.texts: name for name, sample in TEXTS.items()}
    return names.get(texts)
