"""Settings of the whole project, chosen by environment variables alone.

Every variable has a default that runs the product embedded, in one process, under ``data/``.
They are listed with their meaning in ``.env.example`` and ``docs/configuration.md``; a test
holds the three equal.
"""

import contextlib
import os
import secrets
import sys
from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _
from dotenv import load_dotenv

BASE_DIR = Path(__file__).resolve().parent.parent
load_dotenv(BASE_DIR / ".env")


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    return env(name, str(default)).lower() in {"1", "true", "yes", "on"}


def env_int(name: str, default: int) -> int:
    return int(env(name, str(default)))


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in env(name, default).split(",") if item.strip()]


# --- where things live ---------------------------------------------------------------------

DATA_DIR = Path(env("DATA_DIR", str(BASE_DIR / "data"))).resolve()
MODELS_DIR = Path(env("MODELS_DIR", str(BASE_DIR / "data" / "models"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def secret_key() -> str:
    """The key from the environment, else one made once and kept, readable by its owner alone."""
    if key := env("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    if not path.exists():
        scratch = path.with_suffix(f".{os.getpid()}")
        scratch.touch(mode=0o600)
        scratch.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(scratch, path)  # atomic, and never replaces a key that another process made
        scratch.unlink()
    return path.read_text().strip()


# --- the deployment ------------------------------------------------------------------------

SECRET_KEY = secret_key()
DEBUG = env_bool("DEBUG", False)
TESTING = "pytest" in sys.modules
PUBLIC_URL = env("PUBLIC_URL", f"http://127.0.0.1:{env_int('PORT', 8000)}")
PORT = env_int("PORT", 8000)
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # a container asks itself, without the proxy and its HTTPS
BEHIND_PROXY = env_bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "style-src": [SELF],
        "script-src": [SELF, NONCE],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- applications --------------------------------------------------------------------------

INSTALLED_APPS = [
    "teams",
    "ingestion",
    "retrieval",
    "chat",
    "qa_project.apps.ProjectConfig",
    "allauth",
    "allauth.account",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "qa_project.urls"
ASGI_APPLICATION = "qa_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- data ----------------------------------------------------------------------------------

DATABASE_URL = env("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
DATABASES = {
    "default": dj_database_url.parse(DATABASE_URL, conn_max_age=0 if "sqlite" in DATABASE_URL else 60)
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL lets readers go on beside one writer; IMMEDIATE makes a writer wait for its turn
    # at BEGIN instead of failing at its first write.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "qa_project.cache.RedisOrMemoryCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

MEDIA_ROOT = DATA_DIR / "files"
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(DATA_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_NUMBER_FILES = 200

# --- tasks ---------------------------------------------------------------------------------

CELERY_BROKER_URL = env("CELERY_BROKER_URL", "memory://")
EMBEDDED = CELERY_BROKER_URL.startswith("memory://")
"""One process serves pages and runs the tasks; otherwise Celery workers of their own do."""
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "index"
CELERY_TASK_ROUTES = {"ingestion.tasks.*": {"queue": "parse"}, "retrieval.tasks.*": {"queue": "index"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {} if EMBEDDED else {"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 5}
)
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE = {
    "recover-documents": {"task": "ingestion.tasks.recover_documents", "schedule": 60.0},
    "resume-preparations": {"task": "retrieval.tasks.resume_preparations", "schedule": 60.0},
    "recover-downloads": {"task": "retrieval.tasks.recover_downloads", "schedule": 60.0},
    "recover-runs": {"task": "retrieval.tasks.recover_runs", "schedule": 60.0},
    "repair-index": {"task": "retrieval.tasks.repair_index", "schedule": 24 * 3600.0},
}

# --- reading documents ---------------------------------------------------------------------

MAX_UPLOAD_MB = env_int("MAX_UPLOAD_MB", 200)
MAX_PAGES = env_int("MAX_PAGES", 5000)
PARSE_TIMEOUT_S = env_int("PARSE_TIMEOUT_S", 900)
PARSE_MEMORY_MB = env_int("PARSE_MEMORY_MB", 3000)
OCR = env_bool("OCR", True)

# --- retrieval -----------------------------------------------------------------------------

QDRANT_URL = env("QDRANT_URL")
"""Empty: Qdrant's engine in this process, under DATA_DIR."""
QDRANT_API_KEY = env("QDRANT_API_KEY")
EMBEDDER = env("EMBEDDER", "minilm-zh")
RERANKER = env("RERANKER", "late-interaction")
RERANK_TIMEOUT_S = env_int("RERANK_TIMEOUT_S", 20)
"""Longest time that the second stage of one search may score; 0 waits for all of it."""
TORCH_THREADS = env_int("TORCH_THREADS", 0)
"""Threads a model uses; 0 leaves the choice to the number of cores."""

# --- the language model --------------------------------------------------------------------

LLM_BASE_URL = env("LLM_BASE_URL")
LLM_API_KEY = env("LLM_API_KEY")
LLM_MODEL = env("LLM_MODEL")
LOCAL_LLM = env_bool("LOCAL_LLM", not TESTING)
LLM_TIMEOUT_S = env_int("LLM_TIMEOUT_S", 120)
"""Longest wait for the next token."""
ASK_RATE_PER_MINUTE = env_int("ASK_RATE_PER_MINUTE", 30)
API_RATE_PER_MINUTE = env_int("API_RATE_PER_MINUTE", 600)
ALLOW_PRIVATE_MODEL_HOSTS = env_bool("ALLOW_PRIVATE_MODEL_HOSTS", True)
"""Whether a team's model connection may name a loopback or private address. Right where the teams
are one's own, since Ollama or TEI then live there; switch it off where strangers own teams."""

# --- accounts and languages ----------------------------------------------------------------

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "teams.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody mails strangers through the password form
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key,20/5m/ip"}
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if env('EMAIL_HOST') else 'console'}.EmailBackend"
EMAIL_HOST = env("EMAIL_HOST")
EMAIL_PORT = env_int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "noreply@localhost")

LANGUAGE_CODE = env("LANGUAGE_CODE", "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("TIME_ZONE", "UTC")

# --- logs ----------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "kombu.connection": {"level": "ERROR"},  # it warns that memory:// names no host
    },
}
