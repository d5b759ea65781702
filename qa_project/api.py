"""The REST API under /api/v1/, with its OpenAPI page at /api/v1/docs."""

from ninja import NinjaAPI
from ninja.renderers import JSONRenderer

from chat.api import router as chat_router
from ingestion.api import router as ingestion_router
from retrieval.api import router as retrieval_router
from teams import api_errors
from teams.auth import API_AUTH


class ReadableJSON(JSONRenderer):
    """Chinese stays Chinese, a third of the bytes of its escapes."""

    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    title="QA Project",
    version="1",
    description=(
        "Upload documents, search them in two stages, ask and get a cited answer. "
        "Authenticate with `Authorization: Bearer KEY`."
    ),
    urls_namespace="api",
    auth=API_AUTH,
    renderer=ReadableJSON(),
)
api_errors.install(api)
api.add_router("", ingestion_router)
api.add_router("", retrieval_router)
api.add_router("", chat_router)
