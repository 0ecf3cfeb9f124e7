"""The chat template of a tokenizer: what `apply_chat_template` makes of a system message and a user's."""

import datetime
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from headlens.model.errors import InputError
from headlens.model.inputs.chat import RenderedChat, rendered_chat, with_marks
from headlens.model.inputs.text import MAX_CHARACTERS, Chat, without_surrogates

SCRIPT = Path(__file__).with_name("render_chat.py")
SECONDS = 5  # for a template itself
PATIENCE = 60  # seconds, with the start of a process


class ChatTemplate:
    """A template, and the names of special tokens that it may use.

    Args:
        template: in the language of jinja2.
        variables: what it reads beside the messages.
    """

    def __init__(self, template: str, variables: dict[str, str]) -> None:
        limits = {"longest": MAX_CHARACTERS, "seconds": SECONDS}
        self._asked = json.dumps({"template": template, "variables": variables, **limits})

    def render(self, chat: Chat) -> RenderedChat:
        """The text of a chat, up to where the answer begins. Raises InputError for what the template refuses."""
        messages = json.dumps([chat.messages, with_marks(chat.messages)])
        plain, marked = _rendered(self._asked, messages, datetime.date.today())
        if "refused" in plain:
            said = " ".join(str(plain["refused"]).split()).rstrip(".!?")
            raise InputError(f"The model's chat template says “{said}”; change the messages, or write without it.")
        if "text" not in plain:
            raise InputError(
                f"The model's chat template makes {plain['characters']:,} characters of this, but at most "
                f"{MAX_CHARACTERS:,} are read; shorten the messages."
            )
        text = without_surrogates(str(plain["text"]))
        return rendered_chat(text, without_surrogates(str(marked["text"])) if "text" in marked else None)


def chat_template_of(tokenizer: PreTrainedTokenizerBase) -> ChatTemplate | None:
    """The template that a tokenizer uses where none is named; None where it has none."""
    try:
        template = tokenizer.get_chat_template()
    except ValueError:  # none, or several of which none is the default
        return None
    return ChatTemplate(template, dict(tokenizer.special_tokens_map)) if isinstance(template, str) else None


@functools.lru_cache(64)  # a chat is read to be checked, and to be written on
def _rendered(asked: str, messages: str, today: datetime.date) -> tuple[dict[str, object], dict[str, object]]:
    """What the template answers to both chats; today, as some write the date. Raises InputError."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # each takes memory
    try:
        answer = subprocess.run(
            [sys.executable, "-P", str(SCRIPT)],
            input=json.dumps({**json.loads(asked), "conversations": json.loads(messages)}).encode(),
            env=environment,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        ).stdout
    except (subprocess.SubprocessError, OSError) as error:
        raise InputError(
            "The model's chat template takes more time or memory than it is given; write without it."
        ) from error
    plain, marked = json.loads(answer)
    return plain, marked
