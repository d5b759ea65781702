"""What people do with knowledge bases and documents. Views, the API and commands call these.

``user`` None stands for the installation itself (the sample knowledge base, the `ask` command).
What workers do to a document's state is in `ingestion.states` and offered here too.
"""

import errno
import hashlib
import logging
import unicodedata
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingestion import disk, preparation, sniffing
from ingestion.errors import UploadRefused
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from ingestion.signals import document_deleted, knowledge_base_deleted
from ingestion.states import (
    LEASE,
    announce_chunks,
    announce_deletions,
    claim,
    enqueue_parse,
    heartbeat,
    index_again,
    mark_failed,
    mark_ready,
    purge_document,
    purge_knowledge_base,
    recover,
    release,
    replace_chunks,
    report_progress,
)
from teams import audit
from teams.models import EDITING_ROLES, Membership, Team
from teams.text import storable

__all__ = [
    "LEASE",
    "announce_chunks",
    "announce_deletions",
    "claim",
    "create_document",
    "create_knowledge_base",
    "delete_document",
    "delete_knowledge_base",
    "heartbeat",
    "index_again",
    "mark_failed",
    "mark_ready",
    "purge_document",
    "purge_knowledge_base",
    "recover",
    "release",
    "replace_chunks",
    "report_progress",
    "retry_document",
    "update_knowledge_base",
]

logger = logging.getLogger(__name__)
Status = Document.Status


def create_knowledge_base(
    *, team: Team, user, name: str, description: str = "", **fields: Any
) -> KnowledgeBase:
    """Make a knowledge base; raises ValidationError on a bad or taken name or setting."""
    if user and not Membership.objects.filter(team=team, user=user, role__in=EDITING_ROLES).exists():
        raise PermissionDenied
    readers = fields.pop("readers", ())
    knowledge_base = KnowledgeBase(
        team=team,
        name=storable(name).strip(),
        description=storable(description),
        created_by=user,
        **fields,
    )
    knowledge_base.full_clean()
    with transaction.atomic():
        knowledge_base.save()
        knowledge_base.readers.set(readers)
        _audit(knowledge_base, user, "knowledge_base.created")
    return knowledge_base


def update_knowledge_base(*, knowledge_base: KnowledgeBase, user, **fields: Any) -> KnowledgeBase:
    """Change settings; returns the row as it is now.

    Another chunk size parses all documents again. Another embedder is prepared first, and answers
    once it holds all documents; to choose the present one takes that back.
    """
    _check_editable(knowledge_base, user)
    changed = sorted(fields)
    readers = fields.pop("readers", None)
    embedder = fields.pop("embedder", None)
    with transaction.atomic():
        row = KnowledgeBase.objects.select_for_update(no_key=True).get(pk=knowledge_base.pk)
        chunk_tokens = row.chunk_tokens
        for name, value in fields.items():
            setattr(row, name, value)
        if embedder is not None:
            preparation.choose(row, embedder)
        row.full_clean()
        row.save()
        if readers is not None:
            row.readers.set(readers)
        _audit(row, user, "knowledge_base.changed", changed=changed)
        if row.chunk_tokens != chunk_tokens:
            _parse_again(row)
    return row


def _parse_again(knowledge_base: KnowledgeBase) -> None:
    documents = knowledge_base.documents.alive().filter(status=Status.READY)
    ids = list(documents.values_list("pk", flat=True))
    documents.update(
        status=Status.QUEUED, chunks_done=0, attempts=0, heartbeat_at=None, updated_at=timezone.now()
    )
    for document_id in ids:
        transaction.on_commit(partial(enqueue_parse, document_id), robust=True)


def delete_knowledge_base(*, knowledge_base: KnowledgeBase, user) -> None:
    """Take a knowledge base away at once, with all its documents; the index forgets it by a task."""
    _check_editable(knowledge_base, user)
    now = timezone.now()
    with transaction.atomic():
        if not KnowledgeBase.objects.alive().filter(pk=knowledge_base.pk).update(deleted_at=now):
            return
        for model in (DocumentPage, Chunk):
            model.objects.filter(document__knowledge_base=knowledge_base).delete()
        knowledge_base.documents.alive().update(deleted_at=now, updated_at=now)
        _audit(knowledge_base, user, "knowledge_base.deleted")
        transaction.on_commit(
            lambda: knowledge_base_deleted.send(sender=KnowledgeBase, knowledge_base_id=knowledge_base.pk),
            robust=True,
        )
    knowledge_base.deleted_at = now


def create_document(*, knowledge_base: KnowledgeBase, user, name: str, file: File) -> Document:
    """Take a file in: its type is told by its content, its row waits QUEUED, its parse task is sent.

    Raises `UploadRefused` (nothing is kept then) and PermissionDenied.
    """
    _check_editable(knowledge_base, user)
    if not file.size:
        raise UploadRefused("empty")
    if file.size > settings.MAX_UPLOAD_MB * 1024 * 1024:
        raise UploadRefused("too_large", limit_mb=settings.MAX_UPLOAD_MB)
    name = clean_name(name)
    digest = _sha256(file)
    document = Document(
        knowledge_base=knowledge_base,
        name=name,
        sha256=digest,
        size=file.size,
        mime=sniffing.mime_of(file, name=name),
        created_by=user,
    )
    _refuse_duplicate(knowledge_base, digest)
    if not disk.has_room(settings.DATA_DIR, size=file.size):
        raise UploadRefused("disk_full")
    _store(document, file)
    try:
        with transaction.atomic():
            document.save(force_insert=True)
            _audit(knowledge_base, user, "document.created", document=str(document.pk), name=name)
            transaction.on_commit(lambda: enqueue_parse(document.pk), robust=True)
    except IntegrityError:  # the same file at the same moment: the other one was first
        document.file.delete(save=False)
        _refuse_duplicate(knowledge_base, digest)
        raise
    except BaseException:
        document.file.delete(save=False)
        raise
    return document


def _store(document: Document, file: File) -> None:
    file.seek(0)
    try:
        document.file.save(document.name, file, save=False)
    except OSError as error:
        document.file.delete(save=False)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            logger.exception("No space left for document %s", document.pk)
            raise UploadRefused("disk_full") from error
        raise


def _refuse_duplicate(knowledge_base: KnowledgeBase, digest: str) -> None:
    twin = knowledge_base.documents.alive().filter(sha256=digest).values_list("pk", flat=True).first()
    if twin:
        raise UploadRefused("duplicate", document_id=str(twin))


def _sha256(file: File) -> str:
    digest = hashlib.sha256()
    for part in file.chunks():
        digest.update(part)
    return digest.hexdigest()


def clean_name(name: str) -> str:
    """A name to show: no folders, no control or direction characters, at most 255 characters."""
    base = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(
        c for c in unicodedata.normalize("NFC", base) if unicodedata.category(c) not in ("Cc", "Cf", "Cs")
    )
    stem, dot, suffix = kept.strip(" .").rpartition(".")
    if dot and len(suffix) <= 10:
        return f"{stem[: 254 - len(suffix)]}.{suffix}" if stem else suffix
    return kept.strip(" .")[:255] or "document"


def delete_document(*, document: Document, user) -> None:
    """Take a document away at once: it is found no more; the index forgets it by a task."""
    _check_editable(document.knowledge_base, user)
    now = timezone.now()
    with transaction.atomic():
        if not Document.objects.alive().filter(pk=document.pk).update(deleted_at=now, updated_at=now):
            return
        document.pages.all().delete()
        document.chunks.all().delete()
        _audit(
            document.knowledge_base, user, "document.deleted", document=str(document.pk), name=document.name
        )
        transaction.on_commit(
            lambda: document_deleted.send(sender=Document, document_id=document.pk), robust=True
        )
    document.deleted_at = now


def retry_document(*, document: Document, user) -> bool:
    """Parse a failed document again; False where it has not failed."""
    _check_editable(document.knowledge_base, user)
    with transaction.atomic():
        changed = (
            Document.objects.alive()
            .filter(pk=document.pk, status=Status.FAILED)
            .update(
                status=Status.QUEUED,
                error_code="",
                error_detail="",
                attempts=0,
                heartbeat_at=None,
                pages_done=0,
                pages_total=0,
                chunks_done=0,
                chunks_total=0,
                updated_at=timezone.now(),
            )
        )
        if changed:
            transaction.on_commit(lambda: enqueue_parse(document.pk), robust=True)
    if changed:
        document.refresh_from_db()
    return bool(changed)


def _check_editable(knowledge_base: KnowledgeBase, user) -> None:
    if user and not KnowledgeBase.objects.editable_by(user).filter(pk=knowledge_base.pk).exists():
        raise PermissionDenied


def _audit(knowledge_base: KnowledgeBase, user, action: str, **data: Any) -> None:
    audit.record(
        team=knowledge_base.team,
        actor=user,
        action=action,
        target=data.get("name") or knowledge_base.name,
        knowledge_base=str(knowledge_base.pk),
        **data,
    )
