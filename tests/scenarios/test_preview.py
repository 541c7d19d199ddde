"""The page to look at and listen to: its files, and how a real browser shows them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audio import sounds
from tests.conftest import Hand, Project
from tests.hosting.service import git

pytest.importorskip("jinja2", reason="voicectl[preview] is not installed")
HOSTILE = "</script><script>window.bad=1</script><img src=x onerror='window.bad=1'>\u202e{{7*7}}"


def commit(project: Project) -> None:
    git(project.root, "add", "-A", ":!.voicectl", ":!out")
    git(project.root, "commit", "-q", "-m", "a step")


@pytest.fixture
def changed(project: Project) -> Project:
    """A catalog in Git, applied, and one recording, one visibility and one text changed since."""
    speech = sounds.speech()
    for name, sound in (("a", speech), ("b", sounds.part(speech, 1, 12)), ("c", sounds.part(speech, 0, 11))):
        path = project.root / f"samples/{name}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sounds.wav(sound))
    git(project.root, "init", "-q", "-b", "main")
    voices: dict[str, Any] = {
        "a": {"samples": [{"audio": "../samples/a.wav", "transcript": "Words of the first recording."}]},
        "b": {"samples": [{"audio": "../samples/b.wav"}], "tags": ["brave"], "metadata": {"owner": "me"},
              "consent": {"speaker": "Jane Roe", "visibilities": ["private", "unlist"]}},
        "c": {"samples": [{"audio": "../samples/c.wav"}], "description": HOSTILE},
    }  # fmt: skip
    project.voices(voices)
    commit(project)
    project.apply()
    commit(project)
    (project.root / "samples/a.wav").write_bytes(sounds.wav(sounds.louder(speech, -25)))
    voices["a"]["samples"][0]["transcript"] = "Words of the second recording."
    voices["b"]["visibility"] = "unlist"
    voices["c"]["title"] = HOSTILE
    project.voices(voices)
    return project


def page(project: Project, *arguments: str) -> str:
    project.run("preview", "--out", "out", *arguments).expect(0)
    return (project.root / "out/index.html").read_text(encoding="utf-8")


def test_old_and_new_stand_side_by_side(changed: Project) -> None:
    text = page(changed)
    audio = {path.name: path.read_bytes() for path in (changed.root / "out/audio").iterdir()}
    sources = re.findall(r'src="audio/([^"]+)"', text)
    assert set(sources) == set(audio)
    assert len(sources) == 3, "a was and now, and b, which is shown to more people"
    assert sounds.SPEECH.read_bytes()[:4] == b"RIFF"
    assert sounds.wav(sounds.speech()) in audio.values(), "the earlier recording comes from Git"
    assert "<del>first " in text
    assert "<ins>second " in text
    assert "is quiet" in text
    assert text.count('class="wave"') == 3
    assert text.index('id="voice-a') < text.index('id="voice-c'), "what needs care stands first"
    assert "Jane Roe" in text


def test_an_earlier_recording_is_the_one_that_was_applied(changed: Project) -> None:
    commit(changed)  # what HEAD has was never applied
    page(changed, "--base", "HEAD")
    audio = [path.read_bytes() for path in (changed.root / "out/audio").iterdir()]
    assert sounds.wav(sounds.speech()) in audio


def test_hostile_texts_are_texts(changed: Project) -> None:
    for arguments in ((), ("--all",)):
        text = page(changed, *arguments)
        assert "<script>window" not in text
        assert "<img" not in text
        assert "{{7*7}}" in text
        assert "\u202e" not in text


def test_nothing_is_asked_of_another_host_and_only_our_script_runs(changed: Project) -> None:
    text = page(changed, "--all")
    assert "default-src &#39;none&#39;" in text
    assert re.findall(r"https?://", text) == []
    assert text.count("<script>") == 1


def test_the_page_of_strangers_has_no_consent(changed: Project) -> None:
    for arguments in (("--public",), ("--public", "--all")):
        text = page(changed, *arguments)
        assert "Jane Roe" not in text
        assert "owner" not in text


def test_the_whole_catalog_with_badges_of_drift(changed: Project, hand: Hand) -> None:
    hand.patch(changed.lock["voices"]["b"]["id"], title="By hand")
    changed.run("drift", "--report", "json=drift.json")
    text = page(changed, "--all", "--drift", "drift.json")
    assert text.count('<section class="card"') == 3
    assert "was changed in the account" in text
    assert text.count("<audio") == 3
    assert page(changed, "--all", "--only", "b").count("<audio") == 1
    report = json.loads((changed.root / "drift.json").read_text())
    (changed.root / "drift.json").write_text(json.dumps({**report, "environment": "staging"}))
    done = changed.run("preview", "--out", "out", "--all", "--drift", "drift.json").expect(1)
    assert "a report of another catalog: acme.staging" in done.err
    (changed.root / "drift.json").write_text("{}")
    assert "is no report" in changed.run("preview", "--out", "out", "--all", "--drift", "drift.json").expect(1).err


def test_without_git_or_the_decoder_the_page_says_so(
    changed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(changed.root / ".git")
    text = page(changed)
    assert "this earlier recording is not in Git here" in text
    monkeypatch.setattr("voicectl.audio.hearing.has_decoder", lambda: False)
    text = page(changed, "--all")
    assert "no waveform: it needs voicectl[audio]" in text
    assert "<svg" not in text


def test_without_the_key_the_plan_is_of_the_lockfile_alone(changed: Project) -> None:
    del changed.environ["FISH_API_KEY"]
    assert "offline" in page(changed)


@pytest.mark.parametrize("base", ["nowhere", "--help", "HEAD:voicectl.yaml"])
def test_a_base_that_is_not_here_is_named(changed: Project, base: str) -> None:
    done = changed.run("preview", "--out", "out", f"--base={base}").expect(1)
    assert "this clone has no such commit or branch" in done.err
    assert not (changed.root / "out").exists()


def test_a_directory_that_holds_something_else_is_left_alone(changed: Project) -> None:
    (changed.root / "out").mkdir()
    (changed.root / "out/mine.txt").write_text("mine")
    assert "holds something else" in changed.run("preview", "--out", "out").expect(1).err
    assert (changed.root / "out/mine.txt").read_text() == "mine"
    (changed.root / "out/mine.txt").unlink()
    page(changed)
    page(changed, "--all")  # an earlier page gives way
    assert "is no directory" in changed.run("preview", "--out", "voicectl.yaml").expect(1).err


def test_what_voices_say_is_asked_for_once(changed: Project, hand: Hand) -> None:
    done = changed.run("preview", "--out", "out", "--say", "Good morning.", "--audition", "Hello.").expect(3)
    assert "cost credit" in done.err
    text = page(changed, "--say", "Good morning.", "--audition", "Hello.", "--yes")
    spoken = [path for method, path in hand.requests() if path == "/v1/tts"]
    assert len(spoken) == 4, "three models, and one voice with transcripts"
    assert text.count("Good morning.") >= 3
    page(changed, "--say", "Good morning.", "--audition", "Hello.")
    assert len([path for method, path in hand.requests() if path == "/v1/tts"]) == 4, "kept by what it was made from"


def test_a_link_among_what_was_spoken_is_named_and_not_followed(changed: Project, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    link = changed.root / ".voicectl/cache/speech/x.mp3"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "secret")
    done = changed.run("preview", "--out", "out", "--say", "Hello.", "--yes").expect(1)
    assert "the page can't be written: x.mp3 is a link; delete it" in done.err


def test_many_voices_make_several_pages(local: Project) -> None:
    sample = local.sample("a.wav")
    local.voices({f"v{number}": {"samples": [{"audio": sample}]} for number in range(501)})
    text = page(local, "--all")
    assert (local.root / "out/page-2.html").exists()
    assert text.count('<section class="card"') == 500
    assert 'href="page-2.html"' in text
    assert len(text.encode()) / 500 < 10_000, "200 voices in less than 2 MB"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, without a window."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is not installed")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--disable-dev-shm-usage",
                     "--autoplay-policy=no-user-gesture-required", "--window-size=1200,900"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    try:
        yield running
    finally:
        running.quit()


def opened(browser: Any, project: Project) -> None:
    browser.get(f"file://{project.root}/out/index.html")


def requested(browser: Any) -> list[str]:
    import json

    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


def test_a_browser_plays_searches_and_complains_of_nothing(changed: Project, browser: Any) -> None:
    page(changed, "--all")
    opened(browser, changed)
    assert browser.execute_script("return window.bad === undefined")
    browser.execute_script("const a = document.querySelector('audio'); a.muted = true; return a.play();")
    end = time.monotonic() + 10
    while browser.execute_script("return document.querySelector('audio').currentTime") == 0:
        assert time.monotonic() < end, "it does not play"
        time.sleep(0.1)
    search = browser.find_element("id", "search")
    search.send_keys("brave")
    shown = "return [...document.querySelectorAll('.card')].filter(c => !c.hidden).length"
    assert browser.execute_script(shown) == 1
    assert browser.find_element("id", "count").text == "1 of 3 voices"
    search.clear()
    search.send_keys(" ")
    assert browser.execute_script(shown) == 3
    browser.find_element("css selector", "select[data-filter=visibility]").send_keys("private")
    assert browser.execute_script(shown) == 3
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert {url.partition(":")[0] for url in requested(browser)} <= {"file", "data", "chrome"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("arguments", [(), ("--all",)], ids=["changes", "catalog"])
def test_everybody_can_use_it(changed: Project, browser: Any, arguments: tuple[str, ...], scheme: str) -> None:
    axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")
    page(changed, *arguments)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    opened(browser, changed)
    # axe-core is put in from outside, past the page's own policy.
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    opened(browser, changed)
    found = axe.Axe().run(browser)
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": False})
    serious = [each["id"] for each in found["violations"] if each["impact"] in ("serious", "critical")]
    assert serious == []
