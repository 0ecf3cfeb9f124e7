"""Models that read texts, and those that read one text and write another."""
