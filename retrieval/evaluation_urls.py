"""Addresses of question sets and evaluation runs."""

from django.urls import path

from retrieval import calibration_views, draft_views
from retrieval import evaluation_views as views

app_name = "evaluation"
urlpatterns = [
    path("", views.index, name="index"),
    path("sets/new/", views.create_set, name="create_set"),
    path("sets/<uuid:pk>/", views.question_set, name="question_set"),
    path("sets/<uuid:pk>/questions/", views.add_question, name="add_question"),
    path("sets/<uuid:pk>/import/", views.import_questions, name="import_questions"),
    path("sets/<uuid:pk>/delete/", views.delete_set, name="delete_set"),
    path("sets/<uuid:pk>/runs/", views.start_run, name="start_run"),
    path("sets/<uuid:pk>/accept/", draft_views.accept_all, name="accept_all"),
    path("questions/<int:pk>/accept/", draft_views.accept, name="accept_draft"),
    path("questions/<int:pk>/delete/", views.delete_question, name="delete_question"),
    path("runs/<uuid:pk>/", views.run, name="run"),
    path("runs/<uuid:pk>/questions/", views.drill_down, name="drill_down"),
    path("runs/<uuid:pk>/export.<str:form>", views.export, name="export"),
    path("runs/<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("pipelines/<int:pk>/use/", views.use, name="use"),
    path("pipelines/<int:pk>/calibrate/", calibration_views.use, name="use_calibration"),
]
