"""The steps of the page *How it works*, one panel each."""
