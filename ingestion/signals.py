"""The only hidden arrows in the house: ingestion tells, retrieval listens."""

from django.dispatch import Signal

document_chunked = Signal()
"""Sent after the transaction that replaced a document's chunks: ``document_id: UUID``."""

document_deleted = Signal()
"""Sent after the transaction that marked a document deleted: ``document_id: UUID``."""
