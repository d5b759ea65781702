"""The ASGI entry point that `manage.py serve`, uvicorn and gunicorn import."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qa_project.settings")

application = get_asgi_application()
