"""Vector stores: Qdrant's engine in this process, or a Qdrant server. See `get_store`."""
