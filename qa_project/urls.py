"""All addresses of the product."""

from django.contrib import admin
from django.urls import include, path

from qa_project.api import api
from qa_project.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("teams.account_urls")),
    path("admin/", admin.site.urls),
    path("", include("teams.urls")),
    path("api/v1/", api.urls),
    path("v1/", include("chat.openai_api")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("ingestion.urls")),
    path("evaluation/", include("retrieval.evaluation_urls")),
    path("", include("retrieval.urls")),
    path("", include("chat.urls")),
]
