"""A deploy in the middle of an answer: what was written is kept, and says that it was stopped."""

import shutil
import signal

import httpx2

from tests.deployment.conftest import Installation, eventually
from tests.fake_llm import Behaviour, FakeLLM

ASK = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from chat import services
from ingestion.models import KnowledgeBase
from teams.models import User
user = User.objects.get()
conversation = services.start_conversation(user=user, knowledge_bases=KnowledgeBase.objects.all())
message = services.ask(conversation=conversation, question="How many days of annual leave are there?")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(message.pk, session.session_key)
"""


def test_an_answer_is_saved_when_serve_is_told_to_end(template, tmp_path):
    slow = Behaviour("There are twenty-five days of annual leave [1]. " * 40, delay_s=0.1)
    with FakeLLM(slow) as fake:
        folder = tmp_path / "data"
        shutil.copytree(template, folder)
        installation = Installation(folder, LLM_BASE_URL=fake.base_url, LLM_MODEL="fake")
        with installation.serve() as process:
            with installation.client() as client:
                knowledge_base = client.post("knowledge-bases", json={"name": "Handbook"}).json()["id"]
                file = ("note.txt", b"There are twenty-five days of annual leave for all.", "text/plain")
                client.post(f"knowledge-bases/{knowledge_base}/documents", files={"files": file})
            eventually(lambda: [row["status"] for row in installation.documents()] == ["ready"])
            message, session = installation.manage("shell", "--verbosity", "0", "-c", ASK).stdout.split()
            address = f"http://127.0.0.1:{installation.port}/messages/{message}/stream/"
            cookies = {"sessionid": session}
            with httpx2.stream("GET", address, cookies=cookies, timeout=60) as stream:
                assert stream.status_code == 200
                for line in stream.iter_lines():
                    if "annual" in line:
                        break
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        query = "SELECT status, notice, text FROM chat_message WHERE role = 'assistant'"
        (row,) = installation.select(query)
        assert (row["status"], row["notice"]) == ("stopped", "stopped")
        assert row["text"].startswith("There are twenty-five days")
        assert "Traceback" not in process.log.read_text()
