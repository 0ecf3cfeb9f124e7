"""Runs in a process of its own: what a chat template makes of messages, in bounded time and memory.

A template is a program out of a folder that may be anybody's. transformers runs it in jinja2's immutable sandbox, which
keeps it from files and from Python, but neither from loops without end nor from texts that fill the memory.
"""

import contextlib
import json
import signal
import sys
from typing import TypedDict

from transformers.utils.chat_template_utils import render_jinja_template

MEMORY = 2 * 2**30  # bytes
LONGEST = 300  # characters of what a template says as it refuses


class Asked(TypedDict):
    """What the program that starts this one wants to know."""

    conversations: list[list[dict[str, str]]]
    template: str
    variables: dict[str, str]
    longest: int  # characters
    seconds: int  # for the template itself


def main() -> None:
    """Read what is asked on standard input, as JSON, and answer each chat: "text", "characters" or "refused"."""
    asked: Asked = json.load(sys.stdin)
    _bound(asked["seconds"])
    json.dump([_answer(messages, asked) for messages in asked["conversations"]], sys.stdout)


def _answer(messages: list[dict[str, str]], asked: Asked) -> dict[str, object]:
    try:
        (text,), _ = render_jinja_template(
            conversations=[messages],
            chat_template=asked["template"],
            add_generation_prompt=True,
            **asked["variables"],
        )
    except MemoryError:
        raise
    except Exception as error:  # a template raises anything
        return {"refused": str(error)[:LONGEST] or type(error).__name__}
    return {"text": text} if len(text) <= asked["longest"] else {"characters": len(text)}


def _bound(seconds: int) -> None:
    """Where the system can: a signal ends this process, also inside of one long operation."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
