"""A team's model connections: kept, changed, and tried out.

Calling a model belongs to the rooms above this one. They register how in ``testers`` and
``uses`` when the project starts (`qa_project.apps`), so that this room imports none of them.
"""

import logging
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from teams import audit
from teams.models import ModelConnection, User
from teams.outbound import AddressRefused, check_url

logger = logging.getLogger(__name__)
Kind, Protocol = ModelConnection.Kind, ModelConnection.Protocol

PROTOCOLS: dict[str, tuple[str, ...]] = {
    Kind.LLM: (Protocol.OPENAI,),
    Kind.EMBEDDER: (Protocol.OPENAI, Protocol.TEI),
    Kind.RERANKER: (
        Protocol.JINA,
        Protocol.TEI,
        Protocol.INFINITY,
        Protocol.VLLM_SCORE,
        Protocol.COHERE,
        Protocol.VOYAGE,
        Protocol.OPENAI,
    ),
}
"""What each kind of model may speak, the likeliest first."""

testers: dict[str, Callable[[ModelConnection], str | None]] = {}
"""By kind: calls the model once; None when it answered well, else what is wrong."""

uses: list[Callable[[ModelConnection], list[str]]] = []
"""Each names what stands on a connection, such as knowledge bases."""


@transaction.atomic
def save(*, connection: ModelConnection, actor: User) -> ModelConnection:
    """Stores a new or changed connection; what was tested before counts no more.

    Raises ValidationError.
    """
    is_new = connection._state.adding
    connection.last_test_at, connection.last_test_error = None, ""
    connection.full_clean()
    connection.save()
    audit.record(
        team=connection.team,
        actor=actor,
        action="connection.created" if is_new else "connection.changed",
        target=connection.name,
        kind=connection.kind,
    )
    return connection


@transaction.atomic
def delete(*, connection: ModelConnection, actor: User) -> None:
    """Removes a connection; what names it falls back as it does when a model is unreachable."""
    audit.record(
        team=connection.team,
        actor=actor,
        action="connection.deleted",
        target=connection.name,
        kind=connection.kind,
    )
    connection.delete()


def used_by(connection: ModelConnection) -> list[str]:
    """Names of what would miss ``connection``."""
    return [name for use in uses for name in use(connection)]


def test(connection: ModelConnection) -> str | None:
    """Calls the model once and notes the outcome: None when it answered well, else what is wrong."""
    error = _try(connection)
    connection.last_test_at, connection.last_test_error = timezone.now(), error or ""
    connection.save(update_fields=["last_test_at", "last_test_error"])
    return error


def _try(connection: ModelConnection) -> str | None:
    tester = testers.get(connection.kind)
    if tester is None:
        return _("This kind of model cannot be tested here.")
    try:
        check_url(connection.base_url)
        return tester(connection)
    except AddressRefused as refusal:
        return str(refusal)
    except Exception:
        # A model server may answer anything at all, and the owner wants a sentence, not a page of trace.
        logger.exception("Testing model connection %s failed unexpectedly", connection.pk)
        return _("The test broke down. The reason is in the log.")
