"""Roles of heads: what a head does, as scores of its weights; each with a definition, a source and what it needs."""
