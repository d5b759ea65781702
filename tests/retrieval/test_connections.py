"""What a knowledge base names becomes what runs; a team's connections are its own."""

from uuid import uuid4

import httpx
import pytest

from rerank.base import RerankerUnavailable
from rerank.http import PROTOCOLS
from rerank.ranking import rank
from retrieval import connections
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.embedders.http import HttpEmbedder
from teams import connections as teams_connections
from teams.models import ModelConnection, Team
from tests.rerank.servers import Server
from tests.rerank.test_llm import grading

pytestmark = pytest.mark.django_db
Kind, Protocol = ModelConnection.Kind, ModelConnection.Protocol


def connect(team, kind, protocol, base_url="http://127.0.0.1:9") -> ModelConnection:
    return ModelConnection.objects.create(
        team=team, kind=kind, protocol=protocol, name=f"{kind} {uuid4()}", base_url=base_url, model="m"
    )


def test_built_in_names(knowledge_base):
    assert connections.embedder_for(knowledge_base).name == "minilm-zh"
    assert connections.reranker_for(knowledge_base).name == "late-interaction"
    assert connections.reranker_for("late-interaction") is connections.reranker_for(knowledge_base)


def test_a_teams_own_models(knowledge_base, team):
    embedder = connect(team, Kind.EMBEDDER, Protocol.TEI)
    reranker = connect(team, Kind.RERANKER, Protocol.JINA)
    knowledge_base.embedder, knowledge_base.reranker = embedder.ref, reranker.ref
    own = connections.embedder_for(knowledge_base)
    assert isinstance(own, HttpEmbedder)
    assert own is connections.embedder_for(knowledge_base)
    assert connections.reranker_for(knowledge_base).name == reranker.name
    assert connections.reranker_for(reranker.ref, knowledge_base=knowledge_base).name == reranker.name
    ModelConnection.objects.filter(pk=embedder.pk).update(model="another")
    assert connections.embedder_for(knowledge_base).name != own.name  # other vectors, other collection


def test_another_teams_connection_a_gone_one_and_nonsense_are_not_used(knowledge_base):
    stranger = connect(Team.objects.create(name="Strangers"), Kind.EMBEDDER, Protocol.TEI)
    wrong_kind = connect(knowledge_base.team, Kind.RERANKER, Protocol.JINA)
    for ref in (stranger.ref, wrong_kind.ref, f"connection:{uuid4()}", "connection:x", "no-such-model"):
        knowledge_base.embedder = ref
        with pytest.raises(EmbedderUnavailable):
            connections.embedder_for(knowledge_base)
    for ref in (stranger.ref, f"connection:{uuid4()}", "connection:x", "no/such-model"):
        with pytest.raises(RerankerUnavailable):
            connections.reranker_for(ref, knowledge_base=knowledge_base)
    with pytest.raises(RerankerUnavailable):
        connections.reranker_for(wrong_kind.ref)  # nobody's team stands behind it


def test_a_connection_is_tried_out(team, monkeypatch):
    replies = {"/embed": [[1.0, 0.0], [0.0, 1.0]], "/v1/rerank": {"results": []}}

    def post(self, url, **options):
        return httpx.Response(200, json=replies[httpx.URL(url).path], request=httpx.Request("POST", url))

    monkeypatch.setattr(httpx.Client, "post", post)
    embedder, reranker = (
        connect(team, Kind.EMBEDDER, Protocol.TEI),
        connect(team, Kind.RERANKER, Protocol.JINA),
    )
    assert connections.test(embedder) is None
    replies["/embed"] = "no vectors"
    assert "vectors" in connections.test(embedder)
    for scores, is_good in (((0.9, 0.1), True), ((0.1, 0.9), False)):
        replies["/v1/rerank"] = {
            "results": [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]
        }
        assert (connections.test(reranker) is None) == is_good


@pytest.mark.parametrize("protocol", teams_connections.PROTOCOLS[Kind.RERANKER])
def test_every_protocol_that_is_offered_ranks(team, knowledge_base, monkeypatch, protocol):
    """From the connection that a team made to an order of passages, over the wire of each protocol."""
    server = Server(protocol)
    answer = grading if protocol == Protocol.OPENAI else server.handle

    def send(self, request, **options):
        response = answer(request)
        response.request = request
        return response

    monkeypatch.setattr(httpx.Client, "send", send)
    connection = connect(team, Kind.RERANKER, protocol, base_url="http://127.0.0.1:9/v1")
    reranker = connections.reranker_for(connection.ref, knowledge_base=knowledge_base)
    assert reranker.name == connection.name
    rows = rank(reranker, "fire door", ["lunch", "the fire door"], timeout_s=5.0)
    assert [row.index for row in rows] == [1, 0]
    assert connections.test(connection) is None


def test_every_protocol_of_the_rerankers_is_offered():
    assert set(teams_connections.PROTOCOLS[Kind.RERANKER]) == {*PROTOCOLS, Protocol.OPENAI}


def test_an_unreachable_server_is_named_in_the_answer(team):
    for kind, protocol in ((Kind.EMBEDDER, Protocol.OPENAI), (Kind.RERANKER, Protocol.COHERE)):
        assert connections.test(connect(team, kind, protocol))
    assert connections.test(connect(team, Kind.LLM, Protocol.OPENAI))
    hidden = connect(team, Kind.RERANKER, Protocol.JINA, base_url="http://169.254.169.254")
    assert "169.254.169.254" in connections.test(hidden)
