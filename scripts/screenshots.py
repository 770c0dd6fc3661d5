"""Makes the documents' pictures from a running demo: `python scripts/screenshots.py http://127.0.0.1:8000 [NAME …]`.

Screenshots become docs/images/*.webp; frames of the moving fleet become an animated one. Needs Chromium.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))
from chromium import a_browser  # noqa: E402 - lies in no package

IMAGES = ROOT / "docs" / "images"
SIZE = (1280, 800)
FRAMES, FRAME_MS, FRAME_SIZE = 40, 200, (800, 500)
WAYS = "routes?from=39.7434,-104.9847&to=Blake%20Street%20%26%2015th%20Street"


def main(url: str, *names: str) -> None:
    """Take those of these names, or all of them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    alert = an_alert(url)
    pages = {
        "fleet": ("fleet", "dark"),
        "attention": ("attention", "light"),
        "alert": (f"alerts/{alert['alert_id']}", "light"),
        "vehicle": (f"vehicles/{alert['vehicle_id']}", "dark"),
        "efficiency": ("efficiency", "dark"),
        "routes": (WAYS, "light"),
        "pipeline": ("pipeline", "dark"),
    }
    with a_browser() as browser:
        for name, (fragment, scheme) in pages.items():
            if names and name not in names:
                continue
            page = opened(browser, f"{url}/#/{fragment}", scheme)
            if name == "vehicle":
                show_ways(page)
            save(name, [picture(page)])
            page.close()
        if not names or "moving" in names:
            animate(browser, url)
    for file in sorted(IMAGES.glob("*.webp")):
        print(f"{file.relative_to(ROOT)}  {file.stat().st_size / 1000:.0f} kB")


def show_ways(page: Page) -> None:
    """Draw the ways of some trips; the latest are newer than the version that knows ways."""
    buttons = page.get_by_role("button", name="On the map")
    for trip in range(2, min(6, buttons.count())):
        buttons.nth(trip).click()
        page.wait_for_timeout(700)
    page.evaluate("scrollTo(0, 0)")


def an_alert(url: str) -> dict[str, Any]:
    """Give an alert whose chart tells a story: an engine that overheated."""
    found: list[dict[str, Any]] = []
    for rule in ("coolant_over_temperature", "system_voltage_low", None):
        parameters = {"rule": rule, "limit": "10"} if rule else {"limit": "10"}
        found = found or httpx.get(f"{url}/v1/alerts", params=parameters).raise_for_status().json()["alerts"]
    if not found:
        raise SystemExit("no alert was raised yet; wait a minute and try again")
    return found[-1]


def opened(browser: Browser, address: str, scheme: str, size: tuple[int, int] = SIZE) -> Page:
    """Open a page and wait until it shows what it asked for."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page.goto(address)
    page.wait_for_timeout(5_000)
    page.evaluate("document.getElementById('toasts').replaceChildren()")
    return page


def picture(page: Page) -> Image.Image:
    """Take what is seen."""
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def animate(browser: Browser, url: str) -> None:
    """Take frames of the moving fleet, looked at from near."""
    page = opened(browser, f"{url}/#/fleet?group=no", "dark")
    for _ in range(2):
        page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(1_500)
    frames = []
    for _ in range(FRAMES):
        frames.append(picture(page).resize(FRAME_SIZE, Image.Resampling.LANCZOS))
        page.wait_for_timeout(FRAME_MS)
    save("moving", frames)
    page.close()


def save(name: str, frames: list[Image.Image]) -> None:
    """Write one picture, animated where it has several frames."""
    more: dict[str, Any] = {"append_images": frames[1:], "duration": FRAME_MS, "loop": 0} if len(frames) > 1 else {}
    frames[0].save(IMAGES / f"{name}.webp", quality=60 if more else 80, method=6, save_all=bool(more), **more)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["http://127.0.0.1:8000"]))
