"""The queue's side of retrieval. Tasks take ids; doing one twice does no harm."""

from datetime import datetime
from uuid import UUID

from celery import Task, shared_task

from ingestion import preparation
from retrieval import downloads, indexing, reembedding, runs
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.stores.base import StoreUnavailable

UNTIL_IT_ANSWERS = {
    "autoretry_for": (EmbedderUnavailable, StoreUnavailable),
    "retry_backoff": 5,
    "retry_backoff_max": 300,
    "max_retries": 6,
}
"""Five minutes in all: a server that is restarted is waited for, one that is gone is not."""


class IndexTask(Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo) -> None:
        """After the last attempt the owner is told, and may try again."""
        if isinstance(exc, (EmbedderUnavailable, StoreUnavailable)):
            indexing.give_up(UUID(args[0] if args else kwargs["document_id"]), exc)


@shared_task(base=IndexTask, **UNTIL_IT_ANSWERS)
def index_document(document_id: str) -> None:
    """Make a document's newest version findable."""
    indexing.index(UUID(document_id))


@shared_task(**UNTIL_IT_ANSWERS)
def remove_document(document_id: str) -> None:
    """Take a deleted document out of the index and the database."""
    indexing.remove_document(UUID(document_id))


@shared_task(**UNTIL_IT_ANSWERS)
def remove_knowledge_base(knowledge_base_id: str) -> None:
    """Take a deleted knowledge base out of the index and the database."""
    indexing.remove_knowledge_base(UUID(knowledge_base_id))


@shared_task(**UNTIL_IT_ANSWERS)
def repair_index() -> None:
    """Make the index agree with the database."""
    indexing.repair()


@shared_task
def prepare_embedder(knowledge_base_id: str, since: str | None = None) -> None:
    """Bring documents into the next embedder's collection. What is left waits behind the other tasks."""
    turn = datetime.fromisoformat(since) if since else None
    more = reembedding.prepare(UUID(knowledge_base_id), since=turn)
    if more:
        prepare_embedder.delay(knowledge_base_id, more.isoformat())


@shared_task
def resume_preparations() -> None:
    """Send changes of embedder that nobody works on again."""
    for knowledge_base_id in preparation.unattended():
        prepare_embedder.delay(str(knowledge_base_id))


@shared_task
def run_evaluation(run_id: str) -> None:
    """Measure the pipelines of an evaluation run, going on where it stood."""
    runs.execute_run(UUID(run_id))


@shared_task
def download_model(download_id: int) -> None:
    """Fetch a reranker's files, going on where an earlier download stopped."""
    downloads.execute_download(download_id)


@shared_task
def recover_downloads() -> None:
    """Send downloads that nobody works on again."""
    for download_id in downloads.unfinished_downloads():
        download_model.delay(download_id)


@shared_task
def recover_runs() -> None:
    """Send evaluation runs that nobody works on again."""
    for run_id in runs.unfinished_runs():
        run_evaluation.delay(str(run_id))
