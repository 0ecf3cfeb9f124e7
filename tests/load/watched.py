"""The real app, which tells besides what it holds: `python -m tests.load.watched run app.py`, as streamlit is called.

The product has no such door, so the tests put one in: a socket at the path in WATCH, that only they know.
"""

import gc
import os
import threading
from dataclasses import dataclass
from multiprocessing.connection import Client, Listener

from streamlit.runtime import Runtime
from streamlit.web import cli

WATCH = "HEADLENS_WATCH"


@dataclass(frozen=True)
class Held:
    """What a server holds at a time."""

    recordings: int
    alive: int  # recordings and experiments in memory, whatever holds them
    at_work: int  # runs that have their turn in the queue, or wait for it
    sessions: int  # of open tabs, and of closed ones that may come back
    uploads: int


def held(path: str) -> Held:
    """What the server with this path in WATCH holds now."""
    with Client(path) as connection:
        return Held(**connection.recv())


def _tell(listener: Listener) -> None:
    from headlens.model.effects.experiment import Experiment
    from headlens.model.recording.recording import Recording
    from headlens.viz.pages import runtime as held_by_pages

    while True:
        with listener.accept() as connection:
            runtime = Runtime.instance()
            files = runtime.uploaded_file_mgr.file_storage.values()  # type: ignore[attr-defined]
            connection.send(
                {
                    "recordings": len(held_by_pages.shared().recordings),
                    "alive": sum(issubclass(type(each), (Recording, Experiment)) for each in gc.get_objects()),
                    "at_work": len(held_by_pages.shared().queue),
                    "sessions": len(runtime._session_mgr.list_sessions()),
                    "uploads": sum(len(each) for each in files),
                }
            )


if __name__ == "__main__":
    threading.Thread(target=_tell, args=(Listener(os.environ[WATCH]),), daemon=True).start()
    cli.main(prog_name="streamlit")
