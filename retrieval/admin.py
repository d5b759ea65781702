"""Question sets, evaluation runs and model downloads as rows."""

from django.contrib import admin

from retrieval.models import (
    EvaluationRun,
    ModelDownload,
    Question,
    QuestionResult,
    QuestionSet,
    RunPipeline,
)
from teams.admin import ReadOnlyAdmin


@admin.register(QuestionSet)
class QuestionSetAdmin(ReadOnlyAdmin):
    list_display = ["name", "knowledge_base", "created_by", "created_at"]
    search_fields = ["name", "=id", "knowledge_base__name"]
    list_select_related = ["knowledge_base", "created_by"]


@admin.register(Question)
class QuestionAdmin(ReadOnlyAdmin):
    list_display = ["text", "question_set", "document", "origin", "created_at"]
    list_filter = ["origin"]
    search_fields = ["text", "question_set__name"]
    list_select_related = ["question_set", "document"]


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin):
    list_display = ["id", "question_set", "status", "error", "created_by", "created_at", "finished_at"]
    list_filter = ["status"]
    search_fields = ["=id", "question_set__name"]
    list_select_related = ["question_set", "created_by"]


@admin.register(RunPipeline)
class RunPipelineAdmin(ReadOnlyAdmin):
    list_display = ["run", "ordinal", "recall", "reranker", "notice"]
    list_filter = ["recall", "reranker"]
    list_select_related = ["run"]


@admin.register(QuestionResult)
class QuestionResultAdmin(ReadOnlyAdmin):
    list_display = ["pipeline", "question"]
    list_select_related = ["pipeline", "question"]
    show_full_result_count = False


@admin.register(ModelDownload)
class ModelDownloadAdmin(ReadOnlyAdmin):
    list_display = ["name", "status", "error", "done_bytes", "total_bytes", "started_by"]
    list_filter = ["status"]
    search_fields = ["name"]
    list_select_related = ["started_by"]
