"""The command `headlens`. What takes long to import (torch, transformers, streamlit) is imported by the commands."""

from headlens.viz.cli.app import server_options
from headlens.viz.cli.program import main

__all__ = ["main", "server_options"]
