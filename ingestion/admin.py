"""Knowledge bases and documents as rows. The product's own pages change them: an index hangs on each."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ingestion import services
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from teams.admin import ReadOnlyAdmin


@admin.register(KnowledgeBase)
class KnowledgeBaseAdmin(ReadOnlyAdmin):
    list_display = ["name", "team", "access", "embedder", "reranker", "llm", "created_at", "deleted_at"]
    list_filter = ["access", "embedder", "reranker", "is_ephemeral"]
    search_fields = ["name", "id", "team__name"]
    list_select_related = ["team"]


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "knowledge_base",
        "status",
        "error_code",
        "attempts",
        "size",
        "pages_total",
        "chunks_total",
        "heartbeat_at",
        "created_at",
        "deleted_at",
    ]
    list_filter = ["status", "error_code", "mime"]
    search_fields = ["name", "id", "sha256", "knowledge_base__name"]
    list_select_related = ["knowledge_base"]
    show_full_result_count = False
    actions = ["retry"]

    @admin.action(description=_("Try the failed ones again"))
    def retry(self, request: HttpRequest, documents: QuerySet[Document]) -> None:
        count = sum(services.retry_document(document=document, user=None) for document in documents)
        said = ngettext("%(count)d document is tried again.", "%(count)d documents are tried again.", count)
        self.message_user(request, said % {"count": count})


@admin.register(DocumentPage)
class DocumentPageAdmin(ReadOnlyAdmin):
    list_display = ["document", "version", "number", "label", "paged"]
    search_fields = ["=document__id"]
    list_select_related = ["document"]
    show_full_result_count = False


@admin.register(Chunk)
class ChunkAdmin(ReadOnlyAdmin):
    list_display = ["id", "document", "version", "ordinal", "page", "tokens"]
    search_fields = ["=id", "=document__id"]
    list_select_related = ["document"]
    show_full_result_count = False
