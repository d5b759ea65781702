"""Django's own security checks, on the settings of a server behind HTTPS."""

import os
import subprocess
import sys

from django.conf import settings

SERVER = {
    "PUBLIC_URL": "https://qa.example.com",
    "ALLOWED_HOSTS": "qa.example.com",
    "BEHIND_PROXY": "True",
    "DEBUG": "False",
    "DATABASE_URL": "postgres://qa:qa@db:5432/qa",
    "CELERY_BROKER_URL": "redis://redis:6379/0",
    "REDIS_URL": "redis://redis:6379/1",
    "QDRANT_URL": "http://qdrant:6333",
}


def run(*arguments, tmp_path, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_server_passes_without_a_warning(tmp_path):
    done = run("check", "--deploy", "--fail-level", "WARNING", tmp_path=tmp_path, **SERVER)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_cookies_and_addresses_are_https_alone(tmp_path):
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    program = f"from django.conf import settings; print([bool(getattr(settings, n)) for n in {names}])"
    done = run("shell", "--no-imports", "-c", program, tmp_path=tmp_path, **SERVER)
    assert done.stdout.strip().endswith("[True, True, True, True]"), done.stderr


def test_a_laptop_without_https_can_log_in(tmp_path):
    program = "from django.conf import settings; print(settings.SESSION_COOKIE_SECURE)"
    done = run("shell", "--no-imports", "-c", program, tmp_path=tmp_path, PUBLIC_URL="", DATABASE_URL="")
    assert done.stdout.strip().endswith("False"), done.stderr


def test_the_health_address_answers_without_https(client, db, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
    assert client.get("/accounts/login/").status_code == 301
