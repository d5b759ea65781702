"""Services for downloads of rerankers: a person starts one, a task does it, its row tells how far it is."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rerank.base import HubUnreachable, RerankerUnavailable
from rerank.catalogue import CATALOGUE, download, on_this_machine
from rerank.storage import DownloadCancelled, Progress
from retrieval.models import ModelDownload
from teams.models import Team, User

log = logging.getLogger(__name__)

Status = ModelDownload.Status
UNFINISHED: tuple[str, ...] = (Status.QUEUED, Status.RUNNING)
LEASE = timedelta(minutes=5)
TOLD_EVERY_S = 1.0
"""How often the row learns how far the download is, and the download whether it is to stop."""

_MESSAGES = {
    "unreachable": _(
        "The model hub cannot be reached from here. Put the folder under MODELS_DIR/%(name)s, "
        "or set HF_ENDPOINT to a mirror."
    ),
    "failed": _("The download failed; the reason is in the log. Another one goes on where it stopped."),
}


def may_download(user: User) -> bool:
    """Whether ``user`` may put models on this machine: its staff, and owners of a team."""
    return user.is_staff or Team.objects.owned_by(user).exists()


def error_message(download: ModelDownload) -> str:
    """Why it failed, in words; empty where it did not."""
    return str(_MESSAGES[download.error]) % {"name": download.name} if download.error else ""


def start_download(*, name: str, user: User) -> None:
    """Queue the download of a reranker of the catalogue.

    Nothing happens where the model is here or on its way already. Its task is sent when the transaction
    commits.
    """
    if on_this_machine(CATALOGUE[name], models_dir=settings.MODELS_DIR):
        return
    with transaction.atomic():
        row, is_new = ModelDownload.objects.select_for_update().get_or_create(
            name=name, defaults={"started_by": user}
        )
        if not is_new:
            if row.status in UNFINISHED:
                return
            row.status, row.error, row.heartbeat_at, row.started_by = Status.QUEUED, "", None, user
            row.save()
        transaction.on_commit(lambda: _send(row.pk), robust=True)


def _send(download_id: int) -> None:
    from retrieval.tasks import download_model

    download_model.delay(download_id)


def cancel_download(*, name: str) -> None:
    """What was fetched is kept; the task stops within a second or two."""
    ModelDownload.objects.filter(name=name, status__in=UNFINISHED).update(status=Status.CANCELLED)


def unfinished_downloads() -> list[int]:
    """Downloads that nobody works on: queued, or running without a heartbeat for a lease."""
    return list(_unattended().values_list("pk", flat=True))


def _unattended():
    return ModelDownload.objects.filter(status__in=UNFINISHED).filter(
        Q(heartbeat_at=None) | Q(heartbeat_at__lt=timezone.now() - LEASE)
    )


def execute_download(download_id: int) -> None:
    """Fetch the files. Does nothing where another worker does."""
    now = timezone.now()
    claim = {"status": Status.RUNNING, "claimed_at": now}
    if not _unattended().filter(pk=download_id).update(**claim, heartbeat_at=now):
        return
    row = ModelDownload.objects.get(pk=download_id)
    running = ModelDownload.objects.filter(pk=download_id, **claim)
    teller = _Teller(running)
    try:
        download(
            CATALOGUE[row.name],
            models_dir=settings.MODELS_DIR,
            on_progress=teller.tell,
            cancelled=lambda: teller.is_cancelled,
        )
    except DownloadCancelled:
        return
    except HubUnreachable:
        running.update(status=Status.FAILED, error="unreachable")
    except (RerankerUnavailable, OSError):
        log.exception("the download of %s failed", row.name)
        running.update(status=Status.FAILED, error="failed")
    except Exception:  # whatever a connection that breaks off raises, the row must not stay at "running"
        log.exception("the download of %s broke off", row.name)
        running.update(status=Status.FAILED, error="failed")
    else:
        running.update(status=Status.DONE)


class _Teller:
    """Writes progress into the row, and learns from it whether the download was cancelled."""

    def __init__(self, running):
        self._running = running
        self._told_at = 0.0
        self.is_cancelled = False

    def tell(self, progress: Progress) -> None:
        if progress.done < progress.total and time.monotonic() - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = time.monotonic()
        self.is_cancelled = not self._running.update(
            done_bytes=progress.done, total_bytes=progress.total, heartbeat_at=timezone.now()
        )
