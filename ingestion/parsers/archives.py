"""Opening zip containers (Office files, EPUB) that may be bombs: sizes are checked before unpacking."""

import zipfile
from pathlib import Path

from ingestion.errors import ParseFailed

MOST_MEMBERS = 20_000
MOST_BYTES = 1_500_000_000
HIGHEST_RATIO = 200
HARMLESS_BYTES = 100_000_000
"""Below this size any ratio is taken: sheets of zeros compress well."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip whose members are few and unpack to a sane size.

    Raises ParseFailed: "corrupt", "password_protected", "zip_bomb". Reading a member never gives
    more than its declared size: `zipfile` stops there.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ParseFailed("corrupt", str(error)) from error
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members) or 1
    bomb = unpacked > HARMLESS_BYTES and unpacked / packed > HIGHEST_RATIO
    # members that share their bytes: the classic non-recursive bomb
    if (
        len(members) > MOST_MEMBERS
        or unpacked > MOST_BYTES
        or bomb
        or packed > path.stat().st_size * 1.1 + 1000
    ):
        raise ParseFailed("zip_bomb", f"{len(members)} members, {unpacked} bytes from {packed}")
    if any(member.flag_bits & 1 for member in members):
        raise ParseFailed("password_protected")
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member; raises ParseFailed("corrupt") where it is missing or broken."""
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise ParseFailed("corrupt", f"{name}: {error}"[:300]) from error
    except Exception as error:  # zlib.error has no base class of its own
        raise ParseFailed("corrupt", f"{name}: {error}"[:300]) from error
