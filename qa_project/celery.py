"""The Celery application. Tasks take ids; the database row is the truth of a document's state."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qa_project.settings")

app = Celery("qa_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
