"""Opening images that may be hostile: known formats only, few frames, a cap on pixels."""

from pathlib import Path
from typing import IO

from PIL import Image, ImageOps, UnidentifiedImageError

from ingestion.errors import ParseFailed

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MAX_PIXELS = 120_000_000
"""Decoded: about 360 MB as RGB. A4 at 600 dpi is 35 million."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def open_image(file: Path | IO[bytes]) -> Image.Image:
    """An image whose header was read but not its pixels; raises `ParseFailed`."""
    try:
        picture = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ParseFailed("corrupt", "not an image") from error
    except Image.DecompressionBombError as error:
        raise ParseFailed("too_many_pixels", str(error)) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise ParseFailed("too_many_pixels", f"{picture.width} x {picture.height}")
    return picture


def open_frame(file: Path | IO[bytes], number: int) -> Image.Image:
    """Frame ``number`` (from 1) upright, as RGB on white; raises `ParseFailed`."""
    picture = open_image(file)
    if not 1 <= number <= getattr(picture, "n_frames", 1):
        raise ParseFailed("no_such_page")
    try:
        picture.seek(number - 1)
        upright = ImageOps.exif_transpose(picture)
        if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
            upright = upright.convert("RGBA")
            ground = Image.new("RGBA", upright.size, "white")
            ground.alpha_composite(upright)
            upright = ground
        return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ParseFailed("corrupt", str(error)) from error
