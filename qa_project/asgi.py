"""The ASGI entry point that `manage.py serve`, uvicorn and gunicorn import."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qa_project.settings")

# WhiteNoise hands static files over as plain iterators. They are small, and read at once; answers
# are streamed from asynchronous iterators, so for them this warning would never come.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

application = get_asgi_application()
