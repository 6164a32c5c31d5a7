"""Screenshots: what a mail looked like, drawn by a browser that can reach nothing.

`Camera` is the whole of it: raw bytes and the subscriber in, pictures or a reason out. Each camera has a
process of its own with a browser in it, started for the first mail and replaced when a mail breaks it.
`Media` keeps what comes out in media.db: derived data, which can be deleted and made again.
"""

from __future__ import annotations

from watcher.rendering.camera import Camera, CameraUnusableError
from watcher.rendering.media import Media, MediaError
from watcher.rendering.model import VERSION, WIDTHS, Picture, Reader, Shot

__all__ = [
    "VERSION",
    "WIDTHS",
    "Camera",
    "CameraUnusableError",
    "Media",
    "MediaError",
    "Picture",
    "Reader",
    "Shot",
]
