"""`manage.py ask "question" FILE...`: a cited answer from some files, with nothing left behind.

The files go into an installation of their own, in a temporary folder and a process of its own,
so that this works beside a running server and whatever database that one uses.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.management import call_command
from django.core.management.base import BaseCommand

from chat import answering, bundled, notices
from chat.results import as_json
from chat.services import QuestionRefused, check_question
from ingestion import services as ingestion
from ingestion.errors import UploadRefused
from ingestion.models import Document, KnowledgeBase
from qa_project.celery import app
from teams.models import Membership, Role, Team, User

INSIDE = "ASK_INSIDE"
EMBEDDED = {"DATABASE_URL": "", "CELERY_BROKER_URL": "", "QDRANT_URL": "", "REDIS_URL": ""}


class Command(BaseCommand):
    help = "Answer a question from files, with citations. Nothing is kept."
    requires_system_checks = ()

    def add_arguments(self, parser) -> None:
        parser.add_argument("question")
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args, question: str, files: list[str], as_json: bool, **options) -> None:
        if os.environ.get(INSIDE):
            sys.exit(_answer(question, files, as_json))
        with tempfile.TemporaryDirectory(prefix="qa-ask-") as folder:
            environment = os.environ | EMBEDDED
            environment |= {INSIDE: "1", "DATA_DIR": folder, "MODELS_DIR": str(settings.MODELS_DIR)}
            environment.setdefault("LOG_LEVEL", "ERROR")
            command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "ask", question, *files]
            command += ["--json"] if as_json else []
            process = subprocess.Popen(command, env=environment)
            try:
                code = process.wait()
            except KeyboardInterrupt:
                process.terminate()
                process.wait()
                code = 130
        sys.exit(code)


def _answer(question: str, files: list[str], as_json_wanted: bool) -> int:
    """Prints the answer; 0 when every file could be read and the question answered or refused, else 1."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to standard error
    try:
        question = check_question(question)
    except QuestionRefused as refusal:
        return _fail(out, as_json_wanted, notices.message_for(refusal.code, refusal.params))
    app.conf.task_always_eager = True
    app.loader.import_default_modules()  # a task that is not known here would be sent to a queue
    threading.Thread(target=_warm_up, daemon=True).start()
    call_command("migrate", verbosity=0)
    knowledge_base = _knowledge_base()
    complaints = [complaint for name in files if (complaint := _read(knowledge_base, Path(name)))]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not knowledge_base.documents.filter(status=Document.Status.READY).exists():
        return _fail(out, as_json_wanted, " ".join(complaints), said=True)
    try:
        result = asyncio.run(answering.answer_once(question, knowledge_bases=[knowledge_base]))
    except answering.SearchUnavailable:
        return _fail(out, as_json_wanted, notices.message_for("search_unavailable"))
    finally:
        bundled.close()
    with out:
        out.write(
            json.dumps(as_json(result), ensure_ascii=False, indent=2) if as_json_wanted else _text(result)
        )
        out.write("\n")
    return 1 if complaints else 0


def _knowledge_base() -> KnowledgeBase:
    user = User.objects.create_user("ask@localhost", None)
    team = Team.objects.create(name="ask")
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    return ingestion.create_knowledge_base(team=team, user=user, name="ask", is_ephemeral=True)


def _read(knowledge_base: KnowledgeBase, path: Path) -> str:
    """Takes one file in and waits for it; returns why it cannot be read, or nothing."""
    try:
        with path.open("rb") as file:
            document = ingestion.create_document(
                knowledge_base=knowledge_base,
                user=knowledge_base.created_by,
                name=path.name,
                file=File(file, name=path.name),
            )
    except OSError as error:
        return f"{path}: {error.strerror}"
    except UploadRefused as refusal:
        return "" if refusal.code == "duplicate" else f"{path}: {refusal.message}"
    document.refresh_from_db()
    if document.status == Document.Status.READY:
        return ""
    return f"{path}: {document.error_message or document.get_status_display()}"


def _warm_up() -> None:
    with suppress(bundled.BundledMissing, bundled.BundledFailed):
        bundled.address()


def _fail(out, as_json_wanted: bool, message: str, *, said: bool = False) -> int:
    if not said:
        print(message, file=sys.stderr)
    if as_json_wanted:
        with out:
            out.write(json.dumps({"error": message}, ensure_ascii=False) + "\n")
    return 1


def _text(result: answering.AnswerResult) -> str:
    lines = [result.answer]
    if result.notice:
        lines += ["", f"({notices.message_for(result.notice)})"]
    shown = result.citations or (result.passages if result.refused else [])
    if shown:
        lines.append("")
    for found in shown:
        page = f", page {found.page}" if found.page is not None else ""
        quote = " ".join(found.passage.chunk.text.split())
        quote = quote if len(quote) <= 240 else quote[:239] + "…"
        lines += [f"[{found.number}] {found.passage.chunk.document.name}{page}", f"    {quote}"]
    return "\n".join(lines)
