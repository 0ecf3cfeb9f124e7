"""The steps of the page *How it works*, grouped by topic."""
