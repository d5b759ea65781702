"""One of everything that an address can name, all of it alice's team's or alice's own."""

from dataclasses import dataclass
from uuid import uuid4

from django.core.files.base import ContentFile

from chat.models import Citation, Conversation, Message
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from retrieval.models import EvaluationRun, Question, QuestionSet, RunPipeline
from teams import services
from teams.models import ApiKey, Invitation, Membership, ModelConnection, Role, Team, User


@dataclass
class World:
    team: Team
    bobs_membership: Membership
    invitation: Invitation
    token: str
    api_key: ApiKey
    connection: ModelConnection
    knowledge_base: KnowledgeBase
    document: Document
    conversation: Conversation
    message: Message
    citation: Citation
    question_set: QuestionSet
    question: Question
    run: EvaluationRun
    pipeline: RunPipeline


def build(*, team: Team, alice: User, bob: User, knowledge_base: KnowledgeBase) -> World:
    """Writes the rows; no task is sent and no model is called."""
    invitation, token = services.invite(
        team=team, email="new@example.com", role=Role.VIEWER, invited_by=alice
    )
    api_key, _key = services.create_api_key(user=alice, name="alices")
    connection = ModelConnection.objects.create(
        team=team, kind="llm", protocol="openai", name="Nobody answers", base_url="http://127.0.0.1:9/v1"
    )
    document = _document(knowledge_base)
    conversation = Conversation.objects.create(user=alice, title="Alice asks")
    conversation.knowledge_bases.set([knowledge_base])
    Message.objects.create(conversation=conversation, role="user", text="When does the office open?")
    message = Message.objects.create(
        conversation=conversation, role="assistant", text="At nine [1].", status="done"
    )
    citation = Citation.objects.create(
        message=message,
        number=1,
        cited=True,
        document=document,
        chunk_id=Chunk.make_id(document.pk, 1, 0),
        document_name=document.name,
        page=1,
        quote="The office opens at nine.",
        start=0,
        end=25,
    )
    question_set = QuestionSet.objects.create(knowledge_base=knowledge_base, name="Hours")
    question = Question.objects.create(question_set=question_set, text="When?", document=document)
    run = EvaluationRun.objects.create(question_set=question_set)
    return World(
        team=team,
        bobs_membership=Membership.objects.get(team=team, user=bob),
        invitation=invitation,
        token=token,
        api_key=api_key,
        connection=connection,
        knowledge_base=knowledge_base,
        document=document,
        conversation=conversation,
        message=message,
        citation=citation,
        question_set=question_set,
        question=question,
        run=run,
        pipeline=RunPipeline.objects.create(run=run, ordinal=0),
    )


def _document(knowledge_base: KnowledgeBase) -> Document:
    text = "The office opens at nine."
    document = Document(
        knowledge_base=knowledge_base,
        name="hours.txt",
        sha256=uuid4().hex * 2,
        size=len(text),
        mime="text/plain",
        status=Document.Status.READY,
        version=1,
        live_version=1,
        pages_total=1,
        pages_done=1,
        chunks_total=1,
        chunks_done=1,
    )
    document.file.save("hours.txt", ContentFile(text.encode()), save=False)
    document.save(force_insert=True)
    DocumentPage.objects.create(document=document, version=1, number=1, start=0, text=text, paged=False)
    Chunk.objects.create(
        id=Chunk.make_id(document.pk, 1, 0),
        document=document,
        version=1,
        ordinal=0,
        text=text,
        page=1,
        start=0,
        end=len(text),
        tokens=6,
    )
    return document
