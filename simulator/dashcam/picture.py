"""The picture: the road ahead in perspective, and what a dashcam writes over it. Pillow does the work."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from contracts.snapshot import Snapshot
from simulator.dashcam.scenery import Place, Strip

_CAMERA_M: Final = 1.4
"""How high the camera sits."""
_FOCUS: Final = 0.85
"""Focal length as a share of the picture's width: about 60 degrees."""
_HORIZON: Final = 0.42
_SKY: Final = ((96, 146, 201), (205, 220, 232))
_GROUND: Final = (104, 116, 88)
_ROAD: Final = (72, 74, 78)
_LINE: Final = (232, 230, 214)
_KERB_M: Final = 0.6
_DASH_M, _GAP_M = 3.0, 6.0
_FARTHEST_DASH_M: Final = 90.0
_GRAIN: Final = 0.05
_NAMES: Final = {"harsh_braking": "HARSH BRAKING", "warning_light": "WARNING LIGHT"}


def jpeg(snapshot: Snapshot, ahead: Sequence[Strip], *, width: int, quality: int) -> bytes:
    """Draw a snapshot, 16:9, as JPEG; `ahead` has the farthest first."""
    height = width * 9 // 16
    image = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(image)
    _draw_sky(draw, width, height)
    lens = _Lens(width, height)
    for strip in ahead:
        draw.polygon(lens.outline(strip, strip.half_width_m + _KERB_M), fill=_LINE)
    for strip in ahead:
        draw.polygon(lens.outline(strip, strip.half_width_m), fill=_ROAD)
    for strip in ahead:
        _draw_dashes(draw, lens, strip)
    grain = Image.effect_noise((width, height), 40).convert("RGB")
    image = Image.blend(image, grain, _GRAIN)
    _write(ImageDraw.Draw(image), snapshot, width, height)
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=quality, optimize=True)
    return kept.getvalue()


class _Lens:
    """From metres ahead and to the right to the picture."""

    def __init__(self, width: int, height: int) -> None:
        self._middle, self._horizon, self._focus = width / 2, height * _HORIZON, width * _FOCUS

    def point(self, place: Place) -> tuple[float, float]:
        ahead_m, right_m = place
        return self._middle + self._focus * right_m / ahead_m, self._horizon + self._focus * _CAMERA_M / ahead_m

    def outline(self, strip: Strip, half_m: float) -> list[tuple[float, float]]:
        """Give the corners of a strip that is so wide to both sides."""
        (ahead, right), (far, far_right) = strip.begin, strip.end
        length_m = max(((far - ahead) ** 2 + (far_right - right) ** 2) ** 0.5, 1e-6)
        # Across the strip; a corner behind the camera would be drawn upside down.
        along, across = (far_right - right) / length_m * half_m, (far - ahead) / length_m * half_m
        corners = [
            (ahead + along, right - across),
            (far + along, far_right - across),
            (far - along, far_right + across),
            (ahead - along, right + across),
        ]
        return [self.point((max(corner[0], 1.5), corner[1])) for corner in corners]


def _draw_sky(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    horizon = int(height * _HORIZON)
    (red, green, blue), low = _SKY
    for row in range(horizon):
        share = row / horizon
        colour = (
            int(red + (low[0] - red) * share),
            int(green + (low[1] - green) * share),
            int(blue + (low[2] - blue) * share),
        )
        draw.line([(0, row), (width, row)], fill=colour)


def _draw_dashes(draw: ImageDraw.ImageDraw, lens: _Lens, strip: Strip) -> None:
    (ahead, right), (far, far_right) = strip.begin, strip.end
    length_m = ((far - ahead) ** 2 + (far_right - right) ** 2) ** 0.5
    at_m = 0.0
    while at_m < min(length_m, _FARTHEST_DASH_M):
        shares = (at_m / length_m, min(at_m + _DASH_M, length_m) / length_m)
        begin, end = ((ahead + (far - ahead) * share, right + (far_right - right) * share) for share in shares)
        draw.polygon(lens.outline(Strip(begin, end, 0.08), 0.08), fill=_LINE)
        at_m += _DASH_M + _GAP_M


def _write(draw: ImageDraw.ImageDraw, snapshot: Snapshot, width: int, height: int) -> None:
    size = max(width // 42, 8)
    font = ImageFont.load_default(size)
    moment = datetime.fromtimestamp(snapshot.recorded_at_ms / 1000, UTC)
    where = "no position"
    if snapshot.latitude_deg is not None and snapshot.longitude_deg is not None:
        where = f"{snapshot.latitude_deg:.5f} {snapshot.longitude_deg:.5f}"
    bar = height - 2 * size
    draw.rectangle([(0, bar), (width, height)], fill=(12, 12, 12))
    told = f"{moment:%Y-%m-%d %H:%M:%S} UTC    {snapshot.speed_kmh:.0f} km/h    {where}"
    draw.text((size // 2, bar + size // 3), told, font=font, fill=(240, 240, 240))
    draw.text((width - size // 2, bar + size // 3), snapshot.vehicle_id, font=font, fill=(240, 240, 240), anchor="ra")
    event = f"{_NAMES[snapshot.event]}: {snapshot.detail}".replace("²", "2")  # the font has no such sign
    draw.text((size // 2, size // 2), event, font=font, fill=(190, 20, 20))
