"""The only hidden arrows in the house: ingestion tells, retrieval listens.

A listener to a deletion calls `ingestion.services.purge_document` (or `purge_knowledge_base`)
once nothing of it is left in its index; until then the signal is sent again by
`ingestion.tasks.recover_documents`.
"""

from django.dispatch import Signal

document_chunked = Signal()
"""Sent after the transaction that replaced a document's chunks: ``document_id: UUID``."""

document_deleted = Signal()
"""Sent after the transaction that marked a document deleted: ``document_id: UUID``."""

next_embedder_chosen = Signal()
"""Sent after the transaction that set a knowledge base's next embedder: ``knowledge_base_id: UUID``."""

knowledge_base_deleted = Signal()
"""Sent after the transaction that marked a knowledge base deleted: ``knowledge_base_id: UUID``."""
