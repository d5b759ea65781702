"""Downloads of rerankers, from a hub on loopback: progress in the row, cancel, going on, honest errors."""

from datetime import timedelta

import pytest
from django.utils import timezone

from rerank.storage import find
from retrieval import downloads
from retrieval.models import ModelDownload
from retrieval.tasks import download_model, recover_downloads
from tests.rerank import checkpoints
from tests.rerank.hub import Hub

pytestmark = pytest.mark.django_db
NAME = "BAAI/bge-reranker-base"
Status = ModelDownload.Status


@pytest.fixture(autouse=True)
def own_models(monkeypatch, settings, tmp_path):
    from huggingface_hub import constants

    settings.MODELS_DIR = tmp_path / "models"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    hub = Hub(NAME, checkpoints.xlm_roberta(tmp_path / "published"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    yield hub
    hub.close()


@pytest.fixture
def row(alice):
    downloads.start_download(name=NAME, user=alice)
    return ModelDownload.objects.get()


def test_a_download_brings_the_model_here(hub, row, settings):
    assert (row.status, row.fraction) == (Status.QUEUED, 0)
    downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert row.status == Status.DONE
    assert row.done_bytes == row.total_bytes > 1000
    assert find(NAME, models_dir=settings.MODELS_DIR) == settings.MODELS_DIR / NAME


def test_the_task_is_sent_on_commit(alice, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(download_model, "delay", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        downloads.start_download(name=NAME, user=alice)
        downloads.start_download(name=NAME, user=alice)
    assert sent == [ModelDownload.objects.get().pk]


def test_what_is_here_is_not_fetched(alice, settings):
    checkpoints.xlm_roberta(settings.MODELS_DIR / NAME)
    downloads.start_download(name=NAME, user=alice)
    assert not ModelDownload.objects.exists()


def test_a_cancelled_download_stops_and_another_goes_on(hub, row, alice, monkeypatch, settings):
    monkeypatch.setattr(downloads, "TOLD_EVERY_S", 0.0)
    tell = downloads._Teller.tell

    def cancel_at_the_first_bytes(teller, progress):
        downloads.cancel_download(name=NAME)
        tell(teller, progress)

    with monkeypatch.context() as first:
        first.setattr(downloads._Teller, "tell", cancel_at_the_first_bytes)
        downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert row.status == Status.CANCELLED
    assert find(NAME, models_dir=settings.MODELS_DIR) is None
    downloads.start_download(name=NAME, user=alice)
    downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert row.status == Status.DONE


def test_one_that_was_cancelled_while_it_waited_is_not_begun(hub, row):
    downloads.cancel_download(name=NAME)
    downloads.execute_download(row.pk)
    assert hub.requests == []


def test_without_a_hub_it_says_what_to_do(row, monkeypatch, alice):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error) == (Status.FAILED, "unreachable")
    assert "MODELS_DIR/BAAI/bge-reranker-base" in downloads.error_message(row)
    assert "HF_ENDPOINT" in downloads.error_message(row)
    downloads.start_download(name=NAME, user=alice)
    row.refresh_from_db()
    assert (row.status, downloads.error_message(row)) == (Status.QUEUED, "")


def test_a_hub_that_does_not_know_the_model_is_another_error(hub, row):
    hub.name = "somebody/else"
    downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error) == (Status.FAILED, "failed")


def test_a_connection_that_breaks_off_does_not_leave_it_running(row, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("reset by peer")

    monkeypatch.setattr(downloads, "download", broken)
    downloads.execute_download(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error) == (Status.FAILED, "failed")


def test_only_what_nobody_works_on_is_sent_again(row, monkeypatch):
    sent = []
    monkeypatch.setattr(download_model, "delay", sent.append)
    recover_downloads()
    assert sent == [row.pk]
    ModelDownload.objects.update(status=Status.RUNNING, heartbeat_at=timezone.now())
    recover_downloads()
    downloads.execute_download(row.pk)  # another worker's: nothing happens
    assert sent == [row.pk]
    ModelDownload.objects.update(heartbeat_at=timezone.now() - downloads.LEASE - timedelta(seconds=1))
    recover_downloads()
    assert sent == [row.pk, row.pk]
    ModelDownload.objects.update(status=Status.DONE)
    recover_downloads()
    assert len(sent) == 2
