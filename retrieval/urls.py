"""Addresses of the search room's own pages; those of evaluation are in `retrieval.evaluation_urls`."""

from django.urls import path

from retrieval import catalogue_views, views

app_name = "retrieval"
urlpatterns = [
    path("knowledge-bases/<uuid:pk>/settings/search/", views.settings, name="settings"),
    path("search/", views.search_page, name="search"),
    path("models/rerankers/", catalogue_views.rerankers, name="rerankers"),
    path("models/rerankers/download/", catalogue_views.download, name="download_reranker"),
    path("models/rerankers/cancel/", catalogue_views.cancel, name="cancel_reranker"),
]
