"""From files to the desired state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicectl.errors import Place
from voicectl.manifest.load import load_all
from voicectl.model import canonical
from voicectl.model.catalog import Catalog, Move, Removal
from voicectl.model.voice import Consent, Lifecycle, Metadata

Load = Callable[..., Catalog]
ID = "802e3bc2b27e49c2995d23ef70e6ac89"
OTHER_ID = "bf322df2096a46f18c579d0baa36f41d"

FULL = """\
voices:
  narrator:
    title: "  Acme Narrator "
    description: "Warm,\\r\\nmid-paced."
    visibility: public
    tags: [warm, english, warm]
    cover_image: ../covers/a.png
    enhance_audio_quality: no
    samples:
      - audio: ../samples/a.wav
        transcript: The exact words.
      - audio: ../samples/b.wav
        transcript_file: ../samples/b.txt
    consent:
      speaker: Jane Roe
      document: contracts/2026-014.pdf
      granted_on: 2026-03-01
      expires_on: '2028-03-01'
      withdrawn_on: null
      visibilities: [private, public]
    lifecycle: {protect: true, ignore: [description], retain: 12h}
    metadata: {owner: brand-team, since: 2026-03-01, parts: [1, {a: null}]}
moved: [{from: storyteller, to: teller}, {from: teller, to: narrator}]
removed: [{name: jingle, keep_model: true}]
"""


def test_a_voice_with_everything(load: Load) -> None:
    catalog = load({"voices/n.yaml": FULL, "samples/b.txt": "\ufeffOther\r\nwords.\r\n"})
    voice = catalog.voices["narrator"]
    assert voice.source == Place("voices/n.yaml", 2, 3)
    assert voice.cover is not None
    assert voice.cover.path == "covers/a.png"
    assert voice.cover.media_type == "image/png"
    assert voice.metadata == Metadata(
        title="Acme Narrator",
        description="Warm,\nmid-paced.",
        visibility="public",
        tags=("english", "warm"),
        cover_image=voice.cover.digest,
    )
    assert [(s.path, s.format, s.seconds, s.transcript) for s in voice.samples] == [
        ("samples/a.wav", "wav", 12.0, "The exact words."),
        ("samples/b.wav", "wav", 12.0, "Other\nwords."),
    ]
    pairs = [(s.digest, s.transcript) for s in voice.samples]
    assert voice.inputs == canonical.inputs_digest(pairs, enhance=False)
    assert voice.enhance is False
    assert voice.lifecycle == Lifecycle(True, frozenset({"description"}), timedelta(hours=12))
    assert voice.consent == Consent(
        "Jane Roe", "contracts/2026-014.pdf", date(2026, 3, 1), date(2028, 3, 1), None, ("private", "public")
    )
    assert voice.free == {"owner": "brand-team", "since": "2026-03-01", "parts": [1, {"a": None}]}
    assert (voice.model, voice.external) == (None, False)
    assert catalog.moved == (
        Move("storyteller", "narrator", Place("voices/n.yaml", 23, 9)),
        Move("teller", "narrator", Place("voices/n.yaml", 23, 42)),
    )
    assert catalog.removed == {"jingle": Removal("jingle", True, Place("voices/n.yaml", 24, 11))}
    assert catalog.warnings == ()


def test_what_is_left_out_has_its_default(load: Load) -> None:
    voice = load({"voices/n.yaml": "voices: {a: {title: A, samples: [{audio: ../samples/a.wav}]}}"}).voices["a"]
    assert voice.metadata == Metadata("A", "", "private", (), None)
    assert (voice.enhance, voice.lifecycle, voice.consent, dict(voice.free)) == (True, Lifecycle(), None, {})
    assert voice.samples[0].transcript is None


PROJECT = f"""\
catalog: acme
retain: 3d
defaults: {{tags: [acme], visibility: unlist, description: D, lifecycle: {{protect: true}}}}
environments:
  production:
  staging:
    title_suffix: " (staging)"
    retain: 0
    defaults: {{tags: [test], visibility: private, cover_image: covers/a.png}}
    voices:
      b: {{visibility: public, tags: [only], title: Beta}}
      c: {{model: {ID}}}
"""
VOICES = """\
voices:
  a: {title: A, tags: [own], samples: [{audio: ../samples/a.wav}]}
  b: {title: B, visibility: unlist, samples: [{audio: ../samples/a.wav}]}
  c: {title: C, samples: [{audio: ../samples/a.wav}]}
  d: {title: D, environments: [production], samples: [{audio: ../samples/a.wav}]}
moved: [{from: old, to: d}]
"""


def test_layers_of_an_environment(load: Load) -> None:
    catalog = load({"voicectl.yaml": PROJECT, "voices/v.yaml": VOICES}, "staging")
    assert (catalog.namespace, catalog.retain) == ("acme.staging", timedelta())
    assert list(catalog.voices) == ["a", "b", "c"]
    assert catalog.moved == ()
    a, b, c = (catalog.voices[name].metadata for name in "abc")
    cover = catalog.voices["a"].metadata.cover_image
    assert cover is not None
    assert a == Metadata("A (staging)", "D", "private", ("acme", "own", "test"), cover)
    assert b == Metadata("Beta (staging)", "D", "public", ("only",), cover)
    assert c == Metadata(title="C (staging)")
    assert catalog.voices["c"].model == ID
    assert catalog.voices["c"].inputs is not None
    assert catalog.voices["a"].lifecycle.protect
    assert not catalog.voices["c"].lifecycle.protect


def test_another_environment_of_the_same_files(load: Load) -> None:
    catalog = load({"voicectl.yaml": PROJECT, "voices/v.yaml": VOICES}, "production")
    assert (catalog.namespace, catalog.retain) == ("acme.production", timedelta(days=3))
    assert list(catalog.voices) == ["a", "b", "c", "d"]
    assert [move.new for move in catalog.moved] == ["d"]
    assert catalog.voices["a"].metadata == Metadata("A", "D", "unlist", ("acme", "own"), None)
    assert catalog.voices["c"].model is None


def test_adopted_and_external_voices(load: Load) -> None:
    manifest = f"voices:\n  host: {{title: H, visibility: public, model: {ID}}}\n"
    manifest += f"  guest: {{title: G, model: {OTHER_ID}, external: true}}\n"
    project = "catalog: acme\ndefaults: {tags: [x], description: d}\n"
    host, guest = (load({"voicectl.yaml": project, "voices/v.yaml": manifest}).voices[n] for n in ("host", "guest"))
    assert host.metadata == Metadata(title="H", visibility="public")
    assert (host.inputs, host.samples, host.model, host.external) == (None, (), ID, False)
    assert guest.metadata == Metadata(title="G")
    assert (guest.model, guest.external) == (OTHER_ID, True)


def test_without_samples_no_file_is_looked_for(load: Load) -> None:
    manifest = (
        "voices:\n  a:\n    title: A\n    visibility: public\n    cover_image: gone.png\n"
        "    samples: [{audio: gone.wav, transcript_file: gone.txt}]\n"
    )
    voice = load({"voices/v.yaml": manifest}, read_samples=False).voices["a"]
    assert (voice.samples, voice.inputs, voice.cover, voice.metadata.cover_image) == ((), None, None, None)
    assert voice.metadata.visibility == "public"


def test_a_move_to_a_removed_name_is_inert(load: Load) -> None:
    manifest = "voices: {}\nmoved: [{from: a, to: b}]\nremoved: [{name: b}]\n"
    catalog = load({"voices/v.yaml": manifest})
    assert (dict(catalog.voices), catalog.moved, list(catalog.removed)) == ({}, (), ["b"])


def test_aliases_and_merge_keys(load: Load) -> None:
    manifest = (
        "voices:\n  a: &a {title: A, tags: &t [x], samples: [{audio: ../samples/a.wav}]}\n"
        "  b: {<<: *a, title: B, samples: [{audio: ../samples/b.wav}]}\n"
    )
    voices = load({"voices/v.yaml": manifest}).voices
    assert voices["b"].metadata.tags == ("x",)
    assert voices["b"].title == "B"


def test_names_and_titles_are_what_is_written(load: Load) -> None:
    manifest = "voices:\n  no: {title: 'No', samples: [{audio: ../samples/a.wav}]}\n"
    manifest += "  2026: {title: 1e5, samples: [{audio: ../samples/a.wav}]}\n"
    assert {v.name: v.title for v in load({"voices/v.yaml": manifest}).voices.values()} == {
        "2026": "1e5",
        "no": "No",
    }


samples = st.lists(st.sampled_from("abcd"), min_size=1, unique=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    names=samples,
    tags=st.lists(st.sampled_from(["x", "y", "é", "e\u0301"])),
    crlf=st.booleans(),
)
def test_digests_do_not_depend_on_order_or_line_ends(
    tmp_path_factory: pytest.TempPathFactory,
    sound: SimpleNamespace,
    data: st.DataObject,
    names: list[str],
    tags: list[str],
    crlf: bool,
) -> None:
    def loaded(names: list[str], tags: list[str], keys: list[str], file: str, ends: str) -> tuple[object, object]:
        root = tmp_path_factory.mktemp("project")
        (root / "voices").mkdir()
        (root / "voicectl.yaml").write_text("catalog: acme\n")
        for name in names:
            (root / f"voices/{name}.wav").write_bytes(sound.wav(seed=ord(name)))
            (root / f"voices/{name}.txt").write_bytes(f"Words\nof {name}.\n".replace("\n", ends).encode())
        parts = {
            "title": "    title: |\n      Two\n      lines\n",
            "tags": f"    tags: {tags}\n",
            "samples": "    samples:\n"
            + "".join(f"    - audio: {n}.wav\n      transcript_file: {n}.txt\n" for n in names),
        }
        text = "voices:\n  v:\n" + "".join(parts[key] for key in keys)
        (root / f"voices/{file}.yaml").write_bytes(text.replace("\n", ends).encode())
        voice = load_all(root, None)[1].voices["v"]
        return voice.inputs, voice.metadata

    keys = ["title", "tags", "samples"]
    first = loaded(names, tags, keys, file="a", ends="\n")
    names, tags, keys = (data.draw(st.permutations(values)) for values in (names, tags, keys))
    assert loaded(names, tags, keys, file="z", ends="\r\n" if crlf else "\n") == first
