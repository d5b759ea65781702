"""What the lowest room is told about the rooms above it, which it must not import."""

from teams import connections
from teams.models import ModelConnection

Kind = ModelConnection.Kind


def connect() -> None:
    """Registers how each kind of model connection is tried out, and what stands on one."""
    connections.testers.update(
        {Kind.LLM: _test_llm, Kind.EMBEDDER: _test_retrieval_model, Kind.RERANKER: _test_retrieval_model}
    )
    connections.uses.append(_knowledge_bases_using)


def _test_llm(connection: ModelConnection) -> str | None:
    from chat import llm  # loads an HTTP client, which most commands do without

    return llm.test(connection)


def _test_retrieval_model(connection: ModelConnection) -> str | None:
    from retrieval import connections as retrieval_connections

    return retrieval_connections.test(connection)


def _knowledge_bases_using(connection: ModelConnection) -> list[str]:
    from ingestion.models import KnowledgeBase

    field = connection.kind  # a knowledge base has a field of the same name for each kind
    using = KnowledgeBase.objects.filter(team=connection.team, deleted_at=None, **{field: connection.ref})
    return list(using.values_list("name", flat=True))
