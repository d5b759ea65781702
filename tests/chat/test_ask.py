"""`manage.py ask`: files in, a cited answer out, nothing left behind."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests.fake_llm import FakeLLM

HANDBOOK = "# Holidays\n\nNew staff get 22 days of holiday a year. After five years it is 26 days.\n\n# Lunch\n\nThe canteen is open from 11:30 to 14:00.\n"  # noqa: E501
LAW = "第二十四条 竞业限制的人员限于高级管理人员。竞业限制期限，不得超过二年。\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "handbook.md").write_text(HANDBOOK)
    (tmp_path / "劳动合同法.txt").write_text(LAW)
    return tmp_path


def ask(question, *files, cwd, llm_url="", **more):
    environment = os.environ | {
        "DATA_DIR": str(cwd / "data"), "MODELS_DIR": str(cwd / "models"), "LOCAL_LLM": "0",
        "LLM_BASE_URL": llm_url, "LLM_MODEL": "fake", **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "ask", question, *map(str, files)],
        env=environment, cwd=cwd, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_cited_answer_from_two_files(files):
    with FakeLLM("竞业限制期限不得超过二年。") as model:
        done = ask(
            "竞业限制期限不得超过几年？",
            "handbook.md",
            "劳动合同法.txt",
            "--json",
            cwd=files,
            llm_url=model.base_url,
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["refused"] is False
    [citation] = answer["citations"]
    assert answer["answer"] == f"竞业限制期限不得超过二年 [{citation['number']}]。"
    assert (citation["document"], citation["page"]) == ("劳动合同法.txt", None)
    assert "不得超过二年" in citation["quote"]
    assert answer["passages"][0]["document"] == "劳动合同法.txt"
    assert answer["timings_ms"]["total"] > 0
    assert not [path for path in files.iterdir() if path.name.startswith("qa-ask")]
    assert not (files / "data" / "db.sqlite3").exists()


def test_for_people_it_is_text_with_the_passages_below(files):
    done = ask("How many days of holiday do new staff get?", "handbook.md", cwd=files)
    assert done.returncode == 0, done.stderr
    assert "22 days of holiday a year. [1]" in done.stdout
    assert "[1] handbook.md" in done.stdout
    assert "No language model is available" in done.stdout


@pytest.mark.parametrize("name", ["missing.pdf", "empty.txt", "broken.pdf", "."])
def test_a_file_that_cannot_be_read(files, name):
    (files / "empty.txt").write_text("")
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    done = ask("What?", name, "--json", cwd=files)
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert line.startswith(name)
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"] == line


def test_the_other_files_still_answer(files):
    done = ask("How many days of holiday do new staff get?", "missing.pdf", "handbook.md", cwd=files)
    assert done.returncode == 1
    assert "missing.pdf" in done.stderr
    assert "22 days" in done.stdout


def test_a_question_that_cannot_be_asked(files):
    done = ask("x" * 20_000, "handbook.md", "--json", cwd=files)
    assert done.returncode == 1
    assert "too long" in json.loads(done.stdout)["error"]
    assert ask(" ", "handbook.md", cwd=files).returncode == 1
