"""The page, in a browser without a screen."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from wavegen.audio.writing import apply_finish, pcm
from wavegen.request import Request
from wavegen.serve.app import PAGE
from wavegen.synth import join, plan, synthesize
from wavegen.voice import SpeakingVoice

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    options = ChromeOptions()
    for argument in ("headless=new", "no-sandbox", "autoplay-policy=no-user-gesture-required"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={tmp_path}")
    options.binary_location = BROWSER or ""
    with Chrome(options, ChromeService(DRIVER)) as driver:
        yield driver


def shown(browser: Chrome, name: str) -> np.ndarray:
    """(H, W) brightness of an element."""
    image = Image.open(io.BytesIO(browser.find_element(By.ID, name).screenshot_as_png))
    return np.asarray(image.convert("L"), np.float64)


@pytest.mark.slow
@pytest.mark.skipif(not (DRIVER and BROWSER), reason="needs chromium and chromedriver")
def test_a_person_types_a_text_hears_it_and_sees_it(
    server: str, spoken_voice: SpeakingVoice, browser: Chrome, tmp_path: Path
) -> None:
    browser.get(server)
    find, wait = browser.find_element, WebDriverWait(browser, 60)
    wait.until(lambda b: len(b.find_elements(By.CSS_SELECTOR, "#voice option")) == 12)
    text = find(By.ID, "text")
    text.clear()
    text.send_keys("One two. Three!")
    find(By.CSS_SELECTOR, "option[value='tiny/theo']").click()
    seed = find(By.ID, "seed")
    seed.clear()
    seed.send_keys("7")
    find(By.ID, "pitch").send_keys(Keys.ARROW_RIGHT)
    find(By.ID, "speak").click()
    wait.until(lambda b: "s of sound" in b.find_element(By.ID, "status").text)
    request = Request(text="One two. Three!", speaker="theo", seed=7, pitch_shift=1)
    parts = [*plan(spoken_voice, request)]
    audio = apply_finish(join(parts, synthesize(spoken_voice, parts)), spoken_voice.sample_rate)
    heard = browser.execute_script("return Array.from(taken.samples, (x) => x * 32768)")
    assert np.array(heard).astype("<i2").tobytes() == pcm(audio)
    assert browser.execute_script("return taken.rate") == 8000
    words = find(By.ID, "words").find_elements(By.TAG_NAME, "span")
    assert [w.get_attribute("textContent") for w in words] == ["one", "two", "three"]
    assert all(0 < w.size["width"] < find(By.ID, "words").size["width"] / 2 for w in words)
    assert find(By.ID, "phones").find_elements(By.TAG_NAME, "span")
    pictures = {}
    for theme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": theme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        for name in ("waveform", "spectrogram"):
            pictures[theme, name] = shown(browser, name)
            assert pictures[theme, name].std() > 5, (theme, name)
        browser.save_screenshot(str(tmp_path / f"{theme}.png"))
    assert pictures["light", "waveform"].mean() > 128 > pictures["dark", "waveform"].mean()
    phone = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360
    browser.save_screenshot(str(tmp_path / "phone.png"))
    text.clear()
    text.send_keys("!", Keys.CONTROL, Keys.ENTER)
    wait.until(lambda b: "no words to speak" in b.find_element(By.ID, "status").text)
    errors = [e for e in browser.get_log("browser") if "400" not in e["message"]]
    assert errors == []
    unnamed = """return [...document.querySelectorAll("input, select, textarea, button, canvas")]
        .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))
        .map((e) => e.id)"""
    assert browser.execute_script(unnamed) == []


def test_the_page_asks_nothing_of_any_other_place(server: str) -> None:
    for path, (_, media) in PAGE.items():
        answer = httpx2.get(server + path)
        assert answer.headers["content-type"].startswith(media)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "//" not in answer.text.replace("// ", "")
