"""Whether a folder's disk has room for more.

The embedded index writes through memory maps: on a disk without a free page the system ends the
whole process (SIGBUS), with no error that could be told. So growth stops before the end is reached.
"""

import shutil
from pathlib import Path

RESERVE_MB = 200


def has_room(folder: Path, *, size: int = 0) -> bool:
    """Whether ``RESERVE_MB`` stay free in an existing ``folder`` after ``size`` bytes more."""
    return shutil.disk_usage(folder).free - size >= RESERVE_MB * 1024 * 1024
