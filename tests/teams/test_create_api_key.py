"""`manage.py create_api_key`."""

import pytest
from django.core.management import CommandError, call_command

from teams.services import user_for_key


def test_it_prints_the_key_and_nothing_else(alice, capsys):
    call_command("create_api_key", user="ALICE@example.com", name="script")
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert user_for_key(printed.strip()) == alice
    assert alice.api_keys.get().name == "script"


@pytest.mark.django_db
def test_an_unknown_person_is_an_error():
    with pytest.raises(CommandError, match=r"nobody@example\.com"):
        call_command("create_api_key", user="nobody@example.com")
