"""What the content security policy and the list of vendored files promise."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
VENDORED = [ROOT / "static" / "vendor", ROOT / "tests" / "browser" / "vendor"]


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.parent.name)
def test_vendored_files_are_the_published_ones(folder):
    listed = dict(
        re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.M)
    )
    scripts = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}
    assert listed == scripts
    assert all(any(folder.glob(f"{name.split('.')[0]}*.LICENSE")) for name in scripts)


def test_templates_hold_no_inline_style_or_script():
    inline = re.compile(r"""<style|\sstyle\s*=|\son\w+\s*=\s*["']|<script(?![^>]*\ssrc=)|javascript:|hx-on""")
    found = {
        str(path.relative_to(ROOT)): inline.findall(text)
        for path in (ROOT / "templates").rglob("*.html")
        if inline.search(text := path.read_text())
    }
    assert found == {}


def test_every_icon_that_is_asked_for_exists():
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / "img" / "icons.svg").read_text()))
    asked = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'"_icon\.html" with name="([^"]+)"', path.read_text())
    }
    assert asked <= drawn
