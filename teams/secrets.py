"""Tokens, and text that is encrypted where it rests."""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


def new_token() -> str:
    """A URL-safe secret of 256 bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """SHA-256 in hex: enough for a secret that is random, and can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def _fernet() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(settings.SECRET_KEY.encode()).digest()))


class EncryptedTextField(models.TextField):
    """Text kept as a Fernet token made with SECRET_KEY.

    A value that another SECRET_KEY encrypted reads as empty: the connection then fails its test
    with a plain "no key", instead of every page that lists it failing.
    """

    def get_prep_value(self, value):
        return _fernet().encrypt(value.encode()).decode() if value else ""

    def from_db_value(self, value, expression, connection):
        try:
            return _fernet().decrypt(value.encode()).decode() if value else ""
        except InvalidToken:
            return ""
