"""One module for each checkpoint that comes as a wheel: its CHECKPOINT says what it is, and how it is loaded.

A module here imports nothing heavy before its loader is called: listing the models is to stay quick.
"""
