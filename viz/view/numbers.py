"""Whole numbers as an address, or an option of the command line, writes them."""


def is_number(text: str, digits: int = 6) -> bool:
    """Whether this is a whole number of at most so many digits; int() takes signs, spaces and other scripts too."""
    return text.isascii() and text.isdigit() and len(text) <= digits
