"""Embedders by name: the built-in one, and a team's own behind HTTP. See `get`."""
