"""Tokens come from strangers: what in them cannot be seen, or moves what stands beside it, is shown as a symbol."""

import unicodedata

JOINERS = {"\u200c", "\u200d", *map(chr, range(0xE0020, 0xE0080))}  # they shape what they stand between


def visible(token: str) -> str:
    """The token with control pictures (␀ to ␡) for control characters, and code points (⟨202E⟩) for other unseen ones.

    Joiners stay where there is something to join; spaces are drawn where there is nothing else; a mark that has nothing
    to combine with gets a dotted circle.
    """
    if not token.strip(" \u200c\u200d"):
        return "".join("␣" if character == " " else f"⟨{ord(character):04X}⟩" for character in token)
    text = "".join(character if character in JOINERS else _as_symbol(character) for character in token)
    return "◌" + text if unicodedata.category(text[0]).startswith("M") else text


def reads_from_right(token: str) -> bool:
    """Whether anything in a token reads from right to left: numbers beside it would not keep their order."""
    if token.isascii():
        return False
    return any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in token)


def isolated(token: str) -> str:
    """The token, between isolates where it reads from right to left."""
    return f"\u2068{token}\u2069" if reads_from_right(token) else token


def _as_symbol(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    # Control, format (bidirectional overrides, …), surrogates, and separators of lines and paragraphs.
    return f"⟨{code:04X}⟩" if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") else character
