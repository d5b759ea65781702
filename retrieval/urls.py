"""Addresses of the search room's own pages; those of evaluation are in `retrieval.evaluation_urls`."""

from django.urls import path

from retrieval import views

app_name = "retrieval"
urlpatterns = [
    path("knowledge-bases/<uuid:pk>/settings/search/", views.settings, name="settings"),
    path("search/", views.search_page, name="search"),
]
