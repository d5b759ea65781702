"""The settings, .env.example and the configuration page name the same variables."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
SETTINGS = (ROOT / "qa_project/settings.py").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

READ = set(re.findall(r'\benv(?:_bool|_int|_list)?\(\s*"([A-Z_]+)"', SETTINGS))
COMPOSE_ONLY = {
    "POSTGRES_PASSWORD",
    "PARSE_WORKERS",
    "TORCH_INDEX",
    "TEI_IMAGE",
    "TEI_EMBEDDER",
    "TEI_RERANKER",
}


def test_example_names_every_variable_and_no_other():
    assert set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.M)) == READ | COMPOSE_ONLY


def test_page_describes_every_variable_and_no_other():
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.M)) == READ


@pytest.mark.parametrize("name", sorted(COMPOSE_ONLY))
def test_compose_reads_what_is_said_to_be_its_own(name):
    assert f"${{{name}" in (ROOT / "docker-compose.yml").read_text("utf-8")


def test_compose_services_depend_on_services_that_exist():
    services = COMPOSE["services"]
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in services, f"{name} waits for {needed}"
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], f"{needed} has no health check to wait for"


def test_compose_sets_only_variables_that_are_read():
    for name in ("setup", "web", "parse", "index", "beat"):
        assert set(COMPOSE["services"][name]["environment"]) <= READ


def test_compose_runs_every_queue():
    from qa_project.celery import app

    commands = " ".join(str(service.get("command", "")) for service in COMPOSE["services"].values())
    for route in app.conf.task_routes.values():
        assert f"--queues {route['queue']}" in commands
