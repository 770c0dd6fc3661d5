"""The dashboard's pages in a real Chromium against the running stack, as people at a desk or with a phone use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import Browsing, a_browser, browsing, holds
from dashboard_stage import FRUGAL, HOT, THIRSTY, Stage, a_stage, now_ms
from eventually import eventually
from playwright.sync_api import Browser, Locator, Page, expect

from stack.broker import Broker

PAGES = ("fleet", "attention", "efficiency", "routes", "pipeline", "simulator", f"vehicles/{HOT}")


@pytest.fixture(scope="module")
def stage(module_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with a_stage(module_broker.bootstrap, tmp_path_factory.mktemp("dashboard")) as started:
        yield started


@pytest.fixture(scope="module")
def browser(stage: Stage) -> Iterator[Browser]:  # noqa: ARG001 - its helpers need an event loop before this one runs
    with a_browser() as started:
        yield started


@pytest.fixture(scope="module")
def windows(browser: Browser, stage: Stage) -> Iterator[dict[str, Browsing]]:
    """A window of each size that stays open from test to test, as that of somebody who goes from page to page."""
    with browsing(browser, stage.url) as desktop, browsing(browser, stage.url, size="phone") as phone:
        yield {"desktop": desktop, "phone": phone}


@contextmanager
def _sound(window: Browsing) -> Iterator[Browsing]:
    """A visit after which nothing may have gone wrong on the page or been asked of another host."""
    window.errors = []
    yield window
    window.open("nowhere")  # whoever comes next finds no page that is filled already
    assert window.errors == []
    assert window.elsewhere == []


@pytest.fixture(params=["desktop", "phone"])
def visit(request: pytest.FixtureRequest, windows: dict[str, Browsing]) -> Iterator[Browsing]:
    with _sound(windows[request.param]) as window:
        yield window


@pytest.fixture
def desk(windows: dict[str, Browsing]) -> Iterator[Browsing]:
    with _sound(windows["desktop"]) as window:
        yield window


@pytest.fixture
def fresh(browser: Browser, stage: Stage) -> Iterator[Browsing]:
    """The window of somebody who was never here."""
    with browsing(browser, stage.url) as opened, _sound(opened) as window:
        yield window


def card(page: Page, vin: str) -> Locator:
    return page.locator(f".need[data-vehicle='{vin}']")


def test_both_questions_are_answered_at_one_glance(visit: Browsing) -> None:
    page = visit.open("fleet")
    expect(page.get_by_role("region", name="Which car needs attention?")).to_contain_text("Coolant at")
    expect(page.get_by_role("region", name="Which car is most fuel efficient?")).to_contain_text("Toyota Yaris 2022")
    expect(page).to_have_title(re.compile(r"^\(\d+\) Fleet"))
    holds(page, "window.fleetMap && fleetMap.vehicles.count >= 3 && fleetMap.map.roads.length > 100")


def test_a_car_on_the_map_opens_its_page(desk: Browsing) -> None:
    page = desk.open("fleet?state=critical")
    holds(
        page,
        "window.fleetMap?.layer.frames > 2 && fleetMap.vehicles.count > 3 && fleetMap.vehicles.shown.some(Boolean)",
    )
    place = page.evaluate(
        "vin => { const { map, vehicles } = fleetMap; const at = vehicles.indexes.get(vin);"
        " const box = map.front.getBoundingClientRect();"
        " const [x, y] = map.camera.toScreen(vehicles.drawnX[at], vehicles.drawnY[at]);"
        " return [box.x + x, box.y + y]; }",
        HOT,
    )
    page.mouse.click(*place)
    expect(page).to_have_url(re.compile(f"#/vehicles/{HOT}"))


def test_filters_hide_other_cars(desk: Browsing) -> None:
    page = desk.open("fleet")
    holds(page, "window.fleetMap && fleetMap.vehicles.count >= 6")
    page.get_by_label("State").select_option("critical")
    holds(
        page, "window.fleetMap && fleetMap.vehicles.shown.reduce((sum, one) => sum + one, 0) < fleetMap.vehicles.count"
    )
    assert "state=critical" in page.url


def test_the_worst_comes_first_with_its_evidence(visit: Browsing) -> None:
    page = visit.open("attention")
    first = page.locator(".need").first
    expect(first).to_contain_text("critical")
    expect(card(page, HOT).get_by_role("img", name=re.compile("Coolant.*limit 110"))).to_be_visible()


def test_an_alert_appears_without_reload(desk: Browsing, stage: Stage) -> None:
    page = desk.open("attention")
    expect(card(page, HOT)).to_be_visible()
    page.evaluate("window.sameDocument = true")
    stage.send(*stage.cars.coded(FRUGAL, "P0741"))
    expect(page.locator("#toasts")).to_contain_text("P0741")
    expect(card(page, FRUGAL)).to_contain_text("P0741")
    assert page.evaluate("window.sameDocument")


def test_an_acknowledgement_survives_a_reload(desk: Browsing) -> None:
    page = desk.open("attention")
    hot = card(page, HOT)
    hot.get_by_role("button", name="Acknowledge").click()
    hot.get_by_label("Your name").fill("Ann <b>")
    hot.get_by_label("Note").fill("called the driver")
    hot.get_by_role("button", name="Acknowledge").click()
    expect(hot).to_contain_text("acknowledged by Ann <b>")
    page.reload()
    expect(card(page, HOT)).to_contain_text("acknowledged by Ann <b>")
    expect(card(page, HOT).get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_an_alert_tells_its_signals_its_rule_and_who_did_what(visit: Browsing, stage: Stage) -> None:
    alert = stage.get(f"/v1/alerts?vehicle_id={HOT}&rule=coolant_over_temperature")["alerts"][0]
    page = visit.open(f"alerts/{alert['alert_id']}")
    expect(page.get_by_role("img", name=re.compile(r"Coolant from .* raises ≥ 110 °C"))).to_be_visible()
    expect(page.get_by_role("region", name="The rule")).to_contain_text("engine_rpm >= 400 and battery_v >= 9")
    expect(page.get_by_role("region", name="What happened, and who did what")).to_contain_text("Raised")
    expect(page.get_by_role("region", name="Dashcam")).to_contain_text("<i>4.1</i> m/s²")


def test_a_note_is_kept_with_the_alert(desk: Browsing, stage: Stage) -> None:
    alert = stage.get(f"/v1/alerts?vehicle_id={HOT}")["alerts"][0]
    page = desk.open(f"alerts/{alert['alert_id']}")
    page.get_by_role("button", name="Note").click()
    page.get_by_label("Your name").fill("Bob")
    page.get_by_label("Note").fill("<script>alert('note')</script>")
    page.get_by_role("button", name="Write note").click()
    expect(page.locator(".timeline")).to_contain_text("<script>alert('note')</script>")


def test_a_vehicle_tells_its_signals_trips_and_fuel(visit: Browsing) -> None:
    page = visit.open(f"vehicles/{HOT}")
    expect(page.get_by_role("region", name="Newest signals")).to_contain_text("Engine speed")
    expect(page.get_by_role("table", name="Trips, latest first")).to_contain_text("9.0 km")
    expect(page.get_by_role("img", name=re.compile("Consumption on [45] days"))).to_be_visible()
    expect(page.get_by_role("table", name="Alerts of this vehicle")).to_contain_text("Coolant")


_WAY = {
    "type": "FeatureCollection",
    "batch_view_version": 2,
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "LineString",
                "coordinates": [[-104.985, 39.74], [-104.98, 39.744], [-104.97, 39.745]],
            },
            "properties": {"chain": 0, "streets": ["<i>Broadway</i>", "Colfax Avenue"]},
        }
    ],
}


def test_the_way_of_a_trip_is_drawn_or_it_says_why_not(visit: Browsing) -> None:
    visit.errors = _Without(visit.errors, "404")
    page = visit.open(f"vehicles/{HOT}")
    trips = page.get_by_role("region", name="Trips", exact=True)
    trips.get_by_role("button", name="On the map").first.click()
    expect(trips.get_by_role("status")).to_contain_text("no way")  # the stage's trips met no road
    page.route("**/trips/*/path", lambda route: route.fulfill(json=_WAY))
    trips.get_by_role("button", name="On the map").last.click()
    expect(trips.get_by_role("status")).to_contain_text("Over 2 streets: <i>Broadway</i>")
    expect(trips.get_by_role("button", name="On the map").last).to_have_attribute("aria-pressed", "true")
    page.unroute_all()


def test_hostile_names_are_shown_as_text(visit: Browsing) -> None:
    page = visit.open(f"vehicles/{HOT}")
    expect(page.get_by_role("main")).to_contain_text("<img src=x onerror=\"alert('model')\">")
    expect(page.get_by_role("main")).to_contain_text("<b>north</b>")
    assert page.locator("main img, main b:text-is('north')").count() == 0
    assert visit.overflow_px() <= 0


def test_each_layer_tells_what_it_knows(visit: Browsing) -> None:
    page = visit.open("efficiency")
    ranking = page.get_by_role("table", name="Ranking by fuel efficiency")
    expect(ranking).to_contain_text("Toyota Yaris 2022")
    expect(page.get_by_role("region", name="What each layer knows")).to_contain_text("version 2")
    merged = ranking.inner_text()
    page.get_by_role("button", name="Speed only").click()
    eventually(lambda: ranking.inner_text() != merged)
    assert "view=speed" in page.url


def test_the_ranking_is_exported_as_a_table(desk: Browsing) -> None:
    page = desk.open("efficiency")
    expect(page.get_by_role("table", name="Ranking by fuel efficiency")).to_contain_text(FRUGAL)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert FRUGAL in Path(download.value.path()).read_text(encoding="utf-8")


def test_a_route_is_drawn_with_its_alternatives(visit: Browsing) -> None:
    visit.errors = _Without(visit.errors, "503")
    page = visit.open("routes")
    page.get_by_label("From", exact=True).fill("39.7434,-104.9847")
    page.get_by_label("To", exact=True).fill("Blake Street & 15th Street")
    page.get_by_role("button", name="Find the ways").click()
    expect(page.get_by_role("region", name="Fast way")).to_contain_text("min")
    expect(page.get_by_role("region", name="Short way")).to_contain_text("km")


class _Without(list[str]):
    """Errors, without those that a browser tells of an answer that the page expects."""

    def __init__(self, errors: list[str], expected: str) -> None:
        super().__init__(errors)
        self._expected = expected

    def append(self, error: str) -> None:
        if self._expected not in error:
            super().append(error)


def test_the_pipeline_shows_lag_versions_and_what_was_rejected(visit: Browsing) -> None:
    page = visit.open("pipeline")
    expect(page.get_by_role("table", name="Lag by group, topic and partition")).to_contain_text("hot-path")
    expect(page.get_by_role("table", name="Workers by group")).to_contain_text("127.0.0.1")
    expect(page.get_by_role("table", name="Versions of the batch views")).to_contain_text("served")
    page.get_by_role("button", name="Not json 2").click()
    page.get_by_role("button", name="Bytes", exact=True).first.click()
    expect(page.get_by_label("Bytes as text")).to_contain_text("<script>alert(1)</script>")


def test_what_was_rejected_is_sent_again_and_a_version_served_again(desk: Browsing) -> None:
    page = desk.open("pipeline")
    page.get_by_role("button", name="Replay", exact=True).first.click()
    expect(page.get_by_role("region", name="Rejected readings").get_by_role("status")).to_contain_text(
        "1 reading sent again"
    )
    page.get_by_role("button", name="Serve 1").click()
    expect(page.get_by_role("button", name="Serve 2")).to_be_visible(timeout=20_000)


def test_a_broken_car_raises_its_alert_and_is_repaired(desk: Browsing, stage: Stage) -> None:
    state = stage.get("/v1/simulator")
    driving = eventually(lambda: _heard_just_now(stage))
    assert state["vehicles"] == 6
    page = desk.open("simulator")
    page.get_by_label("Car", exact=True).fill(driving[0])
    page.locator("select[name=fault]").select_option("misfire")
    page.get_by_role("button", name="Break it").click()
    row = page.get_by_role("table", name="Faults that are open, beside what was detected").get_by_role("row").nth(1)
    expect(row).to_contain_text("Misfire code")
    expect(row.get_by_role("link", name=re.compile("Misfir"))).to_be_visible(timeout=30_000)
    row.get_by_role("button", name="Repair").click()
    expect(page.get_by_text("Every car is sound")).to_be_visible()


def _heard_just_now(stage: Stage) -> list[str]:
    """Cars of the simulated fleet that drive: a fault begins in no other."""
    found = [one["properties"] for one in stage.get("/v1/positions")["features"]]
    fleet = [one for one in found if one["vehicle_id"].startswith("0CC") and one["speed_kmh"] > 0]
    return [one["vehicle_id"] for one in fleet if one["received_at_ms"] > now_ms() - 10_000]


def test_units_and_times_are_those_of_the_reader(fresh: Browsing) -> None:
    page = fresh.open(f"vehicles/{THIRSTY}")
    signals = page.get_by_role("region", name="Newest signals")
    expect(signals).to_contain_text("52 km/h")
    page.get_by_text("Settings").click()
    page.get_by_label("Units").select_option("us")
    expect(signals).to_contain_text("32 mph")
    expect(signals.locator("time").first).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:.* UTC$"))
    page.reload()
    expect(signals).to_contain_text("32 mph")


def test_the_keyboard_reaches_everything(fresh: Browsing) -> None:
    page = fresh.open("fleet")
    expect(
        page.get_by_role("link", name="Open attention").or_(page.get_by_role("link", name=re.compile("^All")))
    ).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("application").focus()
    before = page.evaluate("fleetMap.map.camera.zoom")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("fleetMap.map.camera.zoom") == pytest.approx(before + 1)


_SHIFTS = """window.shifted = 0; new PerformanceObserver(list => { for (const one of list.getEntries())
  if (!one.hadRecentInput) window.shifted += one.value; }).observe({ type: "layout-shift", buffered: true });"""


@dataclass
class Tour:
    """What was found on each page, of somebody who went from one to the next."""

    barriers: list[tuple[str, ...]] = field(default_factory=list)
    shifts: dict[str, float] = field(default_factory=dict)
    overflows_px: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module", params=[("desktop", "light"), ("phone", "dark")], ids="-".join)
def tour(request: pytest.FixtureRequest, browser: Browser, stage: Stage) -> Tour:
    size, scheme = request.param
    alert = stage.get(f"/v1/alerts?vehicle_id={HOT}")["alerts"][0]
    made = Tour()
    with browsing(browser, stage.url, size=size, scheme=scheme) as opened:
        opened.page.add_init_script(_SHIFTS)
        before = 0.0
        for name in (*PAGES, f"alerts/{alert['alert_id']}"):
            page = opened.open(name)
            page.wait_for_selector(f".page.{name.split('/')[0]}:not(.coming) :is(h1, h2)")
            made.barriers += [
                (name, one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"])
                for one in Axe().run(page).response["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
            shifted = page.evaluate("window.shifted")
            made.shifts[name] = shifted - before
            made.overflows_px[name] = opened.overflow_px()
            before = shifted
    return made


def test_nobody_is_shut_out(tour: Tour) -> None:
    assert tour.barriers == []


def test_nothing_jumps_while_a_page_fills(tour: Tour) -> None:
    assert max(tour.shifts.values()) < 0.1, tour.shifts


def test_no_page_is_wider_than_its_window(tour: Tour) -> None:
    assert max(tour.overflows_px.values()) <= 0, tour.overflows_px


def test_the_page_connects_again_by_itself_and_says_so(browser: Browser, stage: Stage) -> None:
    with browsing(browser, stage.url) as opened:
        page = opened.open("attention")
        expect(page.locator("#status")).to_have_text("Live")
        stage.kill_api()
        expect(page.locator("#status")).to_contain_text("Reconnecting")
        stage.send(*stage.cars.coded(THIRSTY, "P0700"))
        stage.start_api()
        expect(page.locator("#status")).to_have_text("Live", timeout=40_000)
        expect(card(page, THIRSTY)).to_contain_text("P0700")
        assert opened.elsewhere == []


def test_a_key_is_asked_for_once(browser: Browser, stage: Stage) -> None:
    with browsing(browser, stage.locked_url) as opened:
        eventually(stage.is_locked_api_ready, within_s=40)
        page = opened.open("fleet")
        page.get_by_label("API key").fill(stage.key())
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator("#status")).to_have_text("Live")
        page.reload()
        expect(page.get_by_role("region", name="Which car needs attention?")).to_contain_text(
            re.compile("[A-Z0-9]{17}")
        )
        expect(page.get_by_role("dialog")).to_have_count(0)
