"""Why a file was refused or could not be read, as codes and as sentences for people.

- `UploadRefused`: raised to the person who uploads; nothing was kept.
- `ParseFailed`: raised while a stored file is read; ends in the document's ``error_code``.
- `ParseCancelled`: the document was deleted meanwhile; nothing to tell anybody.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

MESSAGES = {
    # refused at the door
    "empty": _("The file is empty."),
    "too_large": _("The file is larger than %(limit_mb)s MB."),
    "unsupported_type": _("This type of file cannot be read."),
    "archive": _("Archives are not opened. Upload the files inside it one by one."),
    "legacy_format": _(
        "This is an old binary Office format. Save it in the current format and upload it again."
    ),
    "duplicate": _("This file is already in the knowledge base."),
    "disk_full": _("There is no space left to store the file. Tell your administrator."),
    # found while reading
    "password_protected": _("The file is protected by a password. Remove the password and upload it again."),
    "corrupt": _("The file is damaged and cannot be read."),
    "no_text": _("No text was found in the file."),
    "no_text_ocr_off": _("The file holds only images, and reading text from images is switched off."),
    "too_many_pages": _("The file has more pages than are read: %(detail)s."),
    "too_much_text": _("The file holds more text than is read: %(detail)s."),
    "zip_bomb": _("The file unpacks to far more data than is allowed."),
    "too_many_pixels": _("The image is too large: %(detail)s."),
    "timeout": _("Reading the file took too long and was stopped."),
    "out_of_memory": _("Reading the file needed too much memory and was stopped."),
    "crashed": _("The file could not be read: the reader broke down on it."),
    "missing_file": _("The stored file is gone. Upload it again."),
    "worker_died": _("Reading the file was interrupted several times. Try again, or upload a smaller file."),
    # said by the index
    "embedder_unavailable": _("The embedding model cannot be reached. Try again later."),
    "store_unavailable": _("The search index cannot be reached. Try again later."),
    "index_failed": _("The text was read, but could not be indexed. Try again."),
}

UNKNOWN = _("The file could not be processed.")


def message_for(code: str, detail: str = "", params: Mapping[str, Any] | None = None) -> str:
    """The sentence for ``code`` in the reader's language; "" for no code.

    ``params`` are those of the exception; ``detail`` is a document's ``error_detail``.
    """
    if not code:
        return ""
    values = {"detail": detail or "?", "limit_mb": "?", **(params or {})}
    return str(MESSAGES.get(code, UNKNOWN)) % values


class UploadRefused(Exception):
    """A file that is not taken. ``params`` fill the sentence; "duplicate" carries ``document_id``."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def message(self) -> str:
        return message_for(self.code, params=self.params)


class ParseFailed(Exception):
    """A stored file that cannot be read, for the reason ``code``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class ParseCancelled(Exception):
    """The document was deleted while it was read."""
