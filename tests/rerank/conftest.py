import pytest

import rerank


@pytest.fixture(autouse=True)
def nothing_stays_loaded():
    yield
    rerank.release_all()
