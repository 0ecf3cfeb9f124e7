"""The steps of the page *How it works*, one file for each few."""
