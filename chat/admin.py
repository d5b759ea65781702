"""Conversations and answers as rows, for those who look after the installation."""

from django.contrib import admin

from chat.models import Citation, Conversation, Message
from teams.admin import ReadOnlyAdmin


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ["id", "title", "user", "created_at", "updated_at"]
    search_fields = ["=id", "title", "user__email"]
    list_select_related = ["user"]
    show_full_result_count = False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["id", "conversation", "role", "status", "refused", "notice", "model", "created_at"]
    list_filter = ["role", "status", "refused", "notice"]
    search_fields = ["=id", "=conversation__id"]
    list_select_related = ["conversation"]
    show_full_result_count = False


@admin.register(Citation)
class CitationAdmin(ReadOnlyAdmin):
    list_display = ["id", "number", "cited", "document_name", "page", "recall_score", "rerank_score"]
    list_filter = ["cited"]
    search_fields = ["=id", "=message__id", "=document__id", "document_name"]
    show_full_result_count = False
