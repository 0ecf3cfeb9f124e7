"""Where weights come from, and how their keys map onto model.nn."""
