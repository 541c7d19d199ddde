"""The snapshot of a catalog: quick when it may be, never wrong, never anybody else's word."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from voicectl.errors import InvalidFiles
from voicectl.manifest import assemble, discover, load, snapshot
from voicectl.manifest.load import load_all
from voicectl.model.catalog import Catalog

MANIFEST = """\
voices:
  v:
    title: A voice
    cover_image: ../covers/a.png
    samples:
      - audio: ../samples/a.wav
        transcript_file: ../words/a.txt
"""
SNAPSHOT = ".voicectl/cache/catalog.json"
PACKAGE = Path(load.__file__).parents[1]


@pytest.fixture
def root(write: Callable[..., Path]) -> Path:
    return write({"voices/v.yaml": MANIFEST, "words/a.txt": "The words."})


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the caches, a minute after the files were written; and a snapshot of any catalog."""
    monkeypatch.setattr(snapshot, "WORTHWHILE", 0)
    now = time.time_ns() + 60_000_000_000
    monkeypatch.setattr("voicectl.manifest.load.time.time_ns", lambda: now)


@pytest.fixture
def assembled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows each time manifests are really read."""
    times: list[int] = []
    original = assemble.assemble

    def note(*arguments: object, **named: object) -> Catalog:
        times.append(1)
        return original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("voicectl.manifest.assemble.assemble", note)
    return times


def catalog(root: Path, environment: str | None = None) -> Catalog:
    return load_all(root, environment)[1]


def test_a_second_load_reads_no_manifest_and_finds_the_same(root: Path, assembled: list[int]) -> None:
    first = catalog(root)
    assert catalog(root) == first
    assert len(assembled) == 1
    assert first.voices["v"].samples[0].transcript == "The words."


def test_a_small_catalog_has_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WORTHWHILE", 2)
    catalog(root)
    assert not (root / SNAPSHOT).exists()


def test_warnings_come_back(write: Callable[..., Path], sound: object, assembled: list[int]) -> None:
    from tests.audio.making import wav

    root = write({"voices/v.yaml": MANIFEST, "words/a.txt": "x", "samples/a.wav": wav(2.0)})
    first = catalog(root)
    assert first.warnings
    assert catalog(root).warnings == first.warnings
    assert len(assembled) == 1


def edit_manifest(root: Path) -> None:
    path = root / "voices/v.yaml"
    path.write_text(path.read_text().replace("A voice", "B voice"))


def edit_project(root: Path) -> None:
    (root / "voicectl.yaml").write_text("catalog: acmf\n")


def edit_words(root: Path) -> None:
    (root / "words/a.txt").write_text("The wordy.")


def edit_sample(root: Path) -> None:
    (root / "samples/a.wav").write_bytes((root / "samples/b.wav").read_bytes())


def edit_cover(root: Path) -> None:
    (root / "covers/a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(31) + b"\1")


def add_manifest(root: Path) -> None:
    text = MANIFEST.replace("  v:", "  w:").replace("../", "../../")
    (root / "voices/more").mkdir()
    (root / "voices/more/w.yaml").write_text(text)


def turn_into_link(root: Path) -> None:
    (root / "samples/a.wav").unlink()
    (root / "samples/a.wav").symlink_to("b.wav")


@pytest.mark.parametrize(
    "change",
    [edit_manifest, edit_project, edit_words, edit_sample, edit_cover, add_manifest, turn_into_link],
)
def test_any_change_is_seen(root: Path, change: Callable[[Path], None]) -> None:
    before = catalog(root)
    assert (root / SNAPSHOT).exists()
    change(root)
    warm = catalog(root)
    shutil.rmtree(root / ".voicectl")
    assert warm == catalog(root) != before


def test_a_file_that_is_gone_is_missed(root: Path) -> None:
    catalog(root)
    (root / "samples/a.wav").unlink()
    with pytest.raises(InvalidFiles):
        catalog(root)


def test_a_directory_that_left_the_project_is_refused(root: Path, tmp_path: Path) -> None:
    catalog(root)
    shutil.move(str(root / "samples"), tmp_path / "elsewhere")
    (root / "samples").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidFiles, match="problem"):
        catalog(root)


def test_a_link_that_leads_elsewhere_is_seen(write: Callable[..., Path]) -> None:
    root = write({"voices/v.yaml": MANIFEST.replace("a.wav", "link.wav"), "words/a.txt": "x"})
    (root / "samples/link.wav").symlink_to("a.wav")
    before = catalog(root)
    (root / "samples/link.wav").unlink()
    (root / "samples/link.wav").symlink_to("b.wav")
    assert catalog(root).voices["v"].inputs != before.voices["v"].inputs


def test_a_project_file_behind_a_link_is_watched(root: Path, assembled: list[int]) -> None:
    (root / "voicectl.yaml").rename(root / "real.yaml")
    (root / "voicectl.yaml").symlink_to("real.yaml")
    catalog(root)
    catalog(root)
    (root / "real.yaml").write_text("catalog: other\n")
    assert catalog(root).name == "other"
    assert len(assembled) == 3


def test_files_just_written_are_not_trusted(root: Path, monkeypatch: pytest.MonkeyPatch, assembled: list[int]) -> None:
    now = (root / "voices/v.yaml").stat().st_mtime_ns + 1_000_000
    monkeypatch.setattr("voicectl.manifest.load.time.time_ns", lambda: now)
    catalog(root)
    assert not (root / SNAPSHOT).exists()


def test_environments_are_kept_apart(write: Callable[..., Path], assembled: list[int]) -> None:
    project = "catalog: acme\nenvironments: {a: {title_suffix: ' A'}, b: {title_suffix: ' B'}}\n"
    root = write({"voices/v.yaml": MANIFEST, "words/a.txt": "x", "voicectl.yaml": project})
    titles = [catalog(root, environment).voices["v"].title for environment in ("a", "b", "a", "b")]
    assert titles == ["A voice A", "A voice B", "A voice A", "A voice B"]
    assert len(assembled) == 2


def forge(root: Path, **changes: object) -> None:
    path = root / SNAPSHOT
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_snapshot_that_somebody_else_wrote_is_void(root: Path, assembled: list[int]) -> None:
    """As checked in by a stranger: the content fits, the stamps can't."""
    catalog(root)
    content = json.loads((root / SNAPSHOT).read_text())
    forged = json.loads(json.dumps(content["catalog"]).replace("A voice", "Forged").replace("samples/a.wav", "/etc/x"))
    for files in ({}, {path: [0, 0, 0, 0] for path in content["files"]}, {"samples/a.wav": [1, 1, 1, 1]}):
        forge(root, files=files, catalog=forged, resolved={})
        assert catalog(root).voices["v"].title == "A voice"
        (root / SNAPSHOT).write_text(json.dumps(content))
    assert len(assembled) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"version": "1 "}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_snapshot_costs_time_only(root: Path, content: bytes) -> None:
    first = catalog(root)
    (root / SNAPSHOT).write_bytes(content)
    assert catalog(root) == first


def test_another_version_reads_the_files_again(
    root: Path, assembled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog(root)
    for version in ("1.0.0", "1.0.1"):
        monkeypatch.setattr(snapshot, "VERSION", version)
        snapshot._version.cache_clear()
        catalog(root)
        catalog(root)
    snapshot._version.cache_clear()
    assert len(assembled) == 3


def test_between_releases_the_programs_own_sources_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "VERSION", "1.0.0.dev0")
    snapshot._version.cache_clear()
    newest = max(
        path.stat().st_mtime_ns for part in ("audio", "manifest", "model") for path in (PACKAGE / part).glob("*.py")
    )
    assert snapshot._version().endswith(str(newest))
    snapshot._version.cache_clear()


def test_files_swapped_while_they_are_read_are_not_trusted(
    root: Path, monkeypatch: pytest.MonkeyPatch, sound: SimpleNamespace
) -> None:
    """A directory that is renamed leaves the times of its files as they were."""
    prepared = root / "prepared"
    shutil.copytree(root / "samples", prepared)
    (prepared / "a.wav").write_bytes(sound.wav(seed=7))
    original = assemble.assemble

    def swap(*arguments: Any, **named: Any) -> Catalog:
        found = original(*arguments, **named)
        (root / "samples").rename(root / "old")
        prepared.rename(root / "samples")
        return found

    monkeypatch.setattr("voicectl.manifest.assemble.assemble", swap)
    before = catalog(root)
    monkeypatch.setattr("voicectl.manifest.assemble.assemble", original)
    assert catalog(root).voices["v"].inputs != before.voices["v"].inputs


def test_a_project_file_that_changes_while_manifests_are_listed_is_not_trusted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr("voicectl.manifest.load.time.time_ns", lambda: now + 3_000_000_000)
    original = discover.find_manifests

    def slow(*arguments: Any) -> Any:
        (root / "voicectl.yaml").write_text("catalog: acmf\n")
        monkeypatch.setattr("voicectl.manifest.load.time.time_ns", lambda: now + 60_000_000_000)
        return original(*arguments)

    monkeypatch.setattr(discover, "find_manifests", slow)
    assert catalog(root).name == "acme"
    monkeypatch.setattr(discover, "find_manifests", original)
    assert catalog(root).name == "acmf"


def test_invalid_files_leave_no_snapshot(root: Path) -> None:
    (root / "voices/w.yaml").write_text("voices: {v: {title: 1}}\n")
    with pytest.raises(InvalidFiles):
        catalog(root)
    assert not (root / SNAPSHOT).exists()


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_cache_behind_a_link_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (root / ".voicectl").symlink_to(tmp_path / "away")
    catalog(root)
    assert list((tmp_path / "away").iterdir()) == []


def test_without_samples_there_is_no_snapshot(root: Path) -> None:
    load.load_all(root, None, read_samples=False)
    assert not (root / SNAPSHOT).exists()
