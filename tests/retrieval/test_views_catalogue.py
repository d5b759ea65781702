"""The catalogue of rerankers, as alice (owner), bob (viewer) and charlie (outsider) see it."""

from dataclasses import replace

import pytest
from django.urls import reverse

from rerank.catalogue import CATALOGUE
from retrieval import catalogue_views
from retrieval.models import ModelDownload
from retrieval.templatetags.catalogue import parameters, size
from tests.rerank import checkpoints

pytestmark = pytest.mark.django_db
NAME = "BAAI/bge-reranker-base"
PAGE = "/models/rerankers/"
START, CANCEL = "/models/rerankers/download/", "/models/rerankers/cancel/"


@pytest.fixture(autouse=True)
def own_models(monkeypatch, settings, tmp_path):
    from huggingface_hub import constants

    settings.MODELS_DIR = tmp_path / "models"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def under_way(alice):
    return ModelDownload.objects.create(
        name=NAME, started_by=alice, status="running", done_bytes=278_000_000, total_bytes=1_112_000_000
    )


def test_every_model_is_shown_with_what_one_chooses_by(client, team, alice):
    client.force_login(alice)
    page = client.get(PAGE).text
    for spec in CATALOGUE.values():
        assert spec.name.split("/")[1] in page
        assert spec.url in page
        for figure in spec.figures:
            assert figure.value in page
            assert figure.source.url in page
    assert "568 M" in page
    assert "2.3 GB" in page
    assert "8192 tokens" in page
    assert "Non-commercial" not in page  # none of them is
    assert page.count("Not on this machine") == len(CATALOGUE)
    assert "hx-trigger" not in page, "nothing is asked again while nothing happens"


def test_a_licence_that_forbids_commerce_is_said_loudly(client, team, alice, monkeypatch):
    spec = replace(CATALOGUE[NAME], licence="CC-BY-NC-4.0", commercial=False)
    monkeypatch.setattr(catalogue_views, "CATALOGUE", {NAME: spec})
    client.force_login(alice)
    assert '<span class="badge danger">Non-commercial: CC-BY-NC-4.0</span>' in client.get(PAGE).text


def test_languages(client, team, alice):
    client.force_login(alice)

    def names(language):
        return [card.spec.name for card in client.get(PAGE, {"language": language}).context["cards"]]

    assert names("") == list(CATALOGUE)
    assert "cross-encoder/ms-marco-MiniLM-L6-v2" not in names("zh")
    assert {NAME, "BAAI/bge-reranker-v2-m3"} <= set(names("zh"))
    assert "hotchpotch/japanese-reranker-cross-encoder-xsmall-v1" in names("ja")
    assert all(CATALOGUE[name].languages is None for name in names("other"))
    assert client.get(PAGE, {"language": "klingon"}).status_code == 404


def test_a_model_that_is_here_can_be_chosen(client, team, alice, knowledge_base, settings):
    checkpoints.xlm_roberta(settings.MODELS_DIR / NAME)
    client.force_login(alice)
    page = client.get(PAGE).text
    assert page.count("On this machine") == 1
    options = client.get(reverse("retrieval:settings", args=[knowledge_base.pk])).context["form"].fields
    assert NAME in dict(options["reranker"].choices)


def test_from_the_button_to_a_download_that_is_cancelled(client, team, alice):
    client.force_login(alice)
    response = client.post(START, {"model": NAME, "language": "zh"})
    assert response.url == f"{PAGE}?language=zh#baaibge-reranker-base"
    row = ModelDownload.objects.get()
    assert (row.name, row.status, row.started_by) == (NAME, "queued", alice)
    page = client.get(PAGE).text
    assert page.count("hx-trigger") == 1
    assert "Waiting for its turn" in page
    client.post(CANCEL, {"model": NAME})
    row.refresh_from_db()
    assert row.status == "cancelled"
    page = client.get(PAGE).text
    assert "Go on" in page
    assert "hx-trigger" not in page


def test_htmx_gets_the_state_of_one_model(client, team, alice, under_way, settings):
    client.force_login(alice)

    def ask(name=NAME):
        return client.get(PAGE, {"model": name}, headers={"HX-Request": "true"})

    fragment = ask().text
    assert "<html" not in fragment
    assert "278 MB of 1.1 GB" in fragment
    assert 'value="0.250"' in fragment
    assert "hx-trigger" in fragment
    checkpoints.xlm_roberta(settings.MODELS_DIR / NAME)
    assert "On this machine" not in ask().text, "not before the download says so"
    ModelDownload.objects.update(status="done")
    assert "On this machine" in ask().text
    assert "hx-trigger" not in ask().text
    assert ask("somebody/else").status_code == 404


def test_a_failure_is_said_in_words(client, team, alice, under_way):
    ModelDownload.objects.update(status="failed", error="unreachable")
    client.force_login(alice)
    page = client.get(PAGE).text
    assert "The model hub cannot be reached from here" in page
    assert f"MODELS_DIR/{NAME}" in page
    assert "Try again" in page


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_others_look_and_start_nothing(client, team, under_way, request, who):
    client.force_login(request.getfixturevalue(who))
    page = client.get(PAGE).text
    assert "278 MB of 1.1 GB" in page
    assert START not in page
    assert CANCEL not in page
    assert client.post(START, {"model": NAME}).status_code == 403
    assert client.post(CANCEL, {"model": NAME}).status_code == 403
    under_way.refresh_from_db()
    assert under_way.status == "running"


def test_staff_may_without_a_team(client, charlie):
    charlie.is_staff = True
    charlie.save()
    client.force_login(charlie)
    client.post(START, {"model": NAME})
    assert ModelDownload.objects.count() == 1


def test_only_models_of_the_catalogue(client, team, alice):
    client.force_login(alice)
    for name in ("somebody/else", "../../etc", ""):
        assert client.post(START, {"model": name}).status_code == 404
    assert not ModelDownload.objects.exists()


def test_it_is_linked_from_where_one_looks_for_it(client, team, alice, knowledge_base):
    client.force_login(alice)
    for address in (reverse("teams:models"), reverse("retrieval:settings", args=[knowledge_base.pk])):
        assert PAGE in client.get(address).text


def test_sizes_read_as_hubs_and_disks_count():
    assert [size(count) for count in (90_800_000, 428_000_000, 2_272_000_000)] == [
        "91 MB",
        "428 MB",
        "2.3 GB",
    ]
    assert [parameters(count) for count in (22_700_000, 8_190_000_000)] == ["23 M", "8.2 B"]
