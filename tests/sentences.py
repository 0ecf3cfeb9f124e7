"""What an error message must be so that a page can show it as it is."""

import re


def is_one_sentence(error: BaseException) -> bool:
    """It ends with a full stop, starts no second sentence, and keeps to one line."""
    message = str(error)
    return message.endswith(".") and not re.search(r"[.!?]\s+[A-Z]|\n", message)
