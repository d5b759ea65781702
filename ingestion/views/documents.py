"""One document: its pages beside its chunks, its file, its page images, and what can be done to it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ingestion import rendering, services
from ingestion.views.downloads import attachment
from ingestion.views.gate import open_document, readable_documents
from ingestion.views.progress import progress_context
from ingestion.views.reading import read_page
from teams.requests import MemberRequest

DEFAULT_WIDTH = 1200
IMAGE_MAX_AGE_S = 300


@login_required
@require_GET
def detail(request: MemberRequest, pk: UUID) -> HttpResponse:
    document = open_document(request.user, pk)
    if request.htmx and request.htmx.target == "state":
        return render(
            request, "ingestion/_document_state.html", {"document": document, "just_finished": True}
        )
    fragment = request.htmx and request.htmx.target == "reader"
    template = "ingestion/_reader.html" if fragment else "ingestion/document.html"
    return render(request, template, {"document": document, "reading": read_page(document, request.GET)})


@login_required
@require_GET
def page_image(request: MemberRequest, pk: UUID, number: int) -> HttpResponse:
    """PNG of one page. A browser keeps it for minutes only: access to it may end."""
    document = open_document(request.user, pk)
    width = _image_width(request.GET.get("width", ""))
    etag = f'"{document.sha256[:32]}-{number}-{width}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            png = rendering.page_image(document, number, width=width)
        except rendering.PageNotRendered as error:
            raise Http404 from error
        response = HttpResponse(png, content_type="image/png")
    response["ETag"] = etag
    patch_cache_control(response, private=True, max_age=IMAGE_MAX_AGE_S)
    return response


def _image_width(asked: str) -> int:
    """The smallest of the few widths drawn that is wide enough, so that an ETag stands for one image."""
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else DEFAULT_WIDTH
    return next((width for width in rendering.WIDTHS if width >= wanted), rendering.WIDTHS[-1])


@login_required
@require_GET
def file(request: MemberRequest, pk: UUID) -> StreamingHttpResponse:
    return attachment(open_document(request.user, pk))


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    """GET asks, POST deletes; where htmx asked, the row leaves the table."""
    document = open_document(request.user, pk, editing=True)
    if request.method == "GET":
        return render(request, "ingestion/document_delete.html", {"document": document})
    services.delete_document(document=document, user=request.user)
    if request.htmx:
        return render(request, "ingestion/_progress.html", progress_context(request, [], gone=[pk]))
    messages.success(request, _("“%(name)s” is deleted.") % {"name": document.name})
    return redirect("ingestion:knowledge_base", document.knowledge_base_id)


@login_required
@require_POST
def retry(request: MemberRequest, pk: UUID) -> HttpResponse:
    document = open_document(request.user, pk, editing=True)
    services.retry_document(document=document, user=request.user)
    if request.htmx:
        rows = list(readable_documents(request.user).filter(pk=pk))
        return render(request, "ingestion/_progress.html", progress_context(request, rows, restart=True))
    return redirect("ingestion:document", pk)
