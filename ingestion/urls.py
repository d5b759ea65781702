"""Addresses of knowledge bases, documents and jobs."""

from django.urls import path

from ingestion.views import documents, jobs, knowledge_bases, progress, uploads

app_name = "ingestion"
urlpatterns = [
    path("knowledge-bases/", knowledge_bases.index, name="knowledge_bases"),
    path("knowledge-bases/new/", knowledge_bases.create, name="create"),
    path("knowledge-bases/<uuid:pk>/", knowledge_bases.detail, name="knowledge_base"),
    path("knowledge-bases/<uuid:pk>/settings/", knowledge_bases.settings, name="settings"),
    path("knowledge-bases/<uuid:pk>/upload/", uploads.upload, name="upload"),
    path("knowledge-bases/<uuid:pk>/delete/", knowledge_bases.delete, name="delete_knowledge_base"),
    path("documents/progress/", progress.progress, name="progress"),
    path("documents/<uuid:pk>/", documents.detail, name="document"),
    path("documents/<uuid:pk>/pages/<int:number>.png", documents.page_image, name="page_image"),
    path("documents/<uuid:pk>/file/", documents.file, name="file"),
    path("documents/<uuid:pk>/delete/", documents.delete, name="delete"),
    path("documents/<uuid:pk>/retry/", documents.retry, name="retry"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/retry/", jobs.retry_all, name="retry_all"),
]
