"""Tokens as a stranger may type them."""

HOSTILE = (
    "<b>bold</b>",
    '<a href="https://evil.example/">x</a>',
    "&amp;",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "a < b && c > d",
    "<br>",
    "$\\frac{1}{2}$",
    "{{x}} **md** [a](b)",
    "a\x00b\x1b[31m",
    "abc\u202edef",
)
