"""One broken project per failure: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from voicectl.errors import Problem

V = "voices/v.yaml"
SAMPLES = "    samples: [{audio: ../samples/a.wav}]\n"
ID = "802e3bc2b27e49c2995d23ef70e6ac89"


def voice(extra: str, samples: str = SAMPLES) -> str:
    """A manifest whose fourth line (the first after title and samples) is `extra`."""
    return f"voices:\n  narrator:\n    title: T\n{samples}{extra}"


VOICES = {
    "unknown key": (voice("    titel: x\n"), "5:5: unknown key 'titel'; did you mean 'title'?"),
    "unknown key at the top": ("voice: {}\n", "1:1: unknown key 'voice'; did you mean 'voices'?"),
    "number as text": (voice("    description: 2026\n"), "5:18: description: must be a text; put it in quotes"),
    "boolean as text": (voice("    description: true\n"), "5:18: description: must be a text; put it in quotes"),
    "nothing as text": (
        voice("    description:\n"),
        "5:17: description: must be a text, but nothing is there; write it, or leave the key out",
    ),
    "list as text": (voice("    description: [a]\n"), "5:18: description: must be a text; it is a list here"),
    "text as boolean": (
        voice('    enhance_audio_quality: "yes"\n'),
        "5:28: enhance_audio_quality: must be true or false; not 'yes'",
    ),
    "text as list": (voice("    tags: x\n"), "5:11: tags: must be a list; write [a, b], or a line with - for each"),
    "list as mapping": (
        voice("    lifecycle: []\n"),
        "5:16: lifecycle: must be a mapping; write lines of the form key: value",
    ),
    "voice is no mapping": (
        "voices:\n  a: x\n",
        "2:6: voice 'a': must be a mapping; write lines of the form key: value",
    ),
    "manifest is no mapping": ("[]\n", "1:1: must be a mapping; write lines of the form key: value"),
    "manifest is empty": ("# voices:\n", "1:1: the manifest is empty; add `voices:`, or delete the file"),
    "visibility": (
        voice("    visibility: unlisted\n"),
        "5:17: visibility: 'unlisted' is not one of private, unlist, public; did you mean 'unlist'?",
    ),
    "name": (
        "voices:\n  My Voice: {title: x, samples: [{audio: ../samples/a.wav}]}\n",
        "2:3: 'My Voice' can't be a voice's name; "
        "write 1 to 63 of a-z 0-9 - _ . that begin and end with a letter or digit",
    ),
    "name ends in a dot": (
        "voices:\n  a.: {title: x, samples: [{audio: ../samples/a.wav}]}\n",
        "2:3: 'a.' can't be a voice's name; "
        "write 1 to 63 of a-z 0-9 - _ . that begin and end with a letter or digit",
    ),
    "no title": ("voices:\n  a:\n" + SAMPLES, "2:3: voice 'a' has no title; add `title:`"),
    "blank title": (
        "voices:\n  a:\n    title: ' '\n" + SAMPLES,
        "3:12: title: must not be empty; write a title",
    ),
    "no samples": (
        voice("", ""),
        "2:3: voice 'narrator' has no samples; add `samples:`, or `model:` to adopt an existing model",
    ),
    "empty samples": (
        voice("", "    samples: []\n"),
        "4:14: samples: must not be an empty list; add an item, or leave the key out",
    ),
    "too many samples": (
        voice("", f"    samples: [{', '.join(['{audio: x}'] * 21)}]\n"),
        "4:14: samples: has 21 items, at most 20 are allowed; leave some out",
    ),
    "sample without audio": (
        voice("", "    samples: [{transcript: x}]\n"),
        "4:15: samples: this sample has no audio; add `audio: <path>`",
    ),
    "some transcripts": (
        voice("", "    samples:\n    - {audio: ../samples/a.wav, transcript: x}\n    - audio: ../samples/b.wav\n"),
        "6:7: samples: this sample has no transcript, others of the voice have one; "
        "give all samples a transcript, or none",
    ),
    "two transcripts": (
        voice("", "    samples: [{audio: ../samples/a.wav, transcript: x, transcript_file: ../t.txt}]\n"),
        "4:56: samples.transcript_file: a sample has either transcript or transcript_file; delete one of them",
    ),
    "blank transcript": (
        voice("", "    samples: [{audio: ../samples/a.wav, transcript: ' '}]\n"),
        "4:53: samples.transcript: must not be empty; write the words spoken, or leave it out for all samples",
    ),
    "transcript file's ending": (
        voice("", "    samples: [{audio: ../samples/a.wav, transcript_file: ../README.md}]\n"),
        "4:58: samples.transcript_file: '../README.md' is not in the right form; transcript files end in .txt",
    ),
    "transcript file missing": (
        voice("", "    samples: [{audio: ../samples/a.wav, transcript_file: a.txt}]\n"),
        "4:58: samples.transcript_file: there is no file 'a.txt'; "
        "check the path; it is relative to this file",
    ),
    "sample missing": (
        voice("", "    samples: [{audio: samples/a.wav}]\n"),
        "4:23: samples.audio: there is no file 'samples/a.wav'; check the path; it is relative to this file",
    ),
    "sample is a directory": (
        voice("", "    samples: [{audio: ../samples}]\n"),
        "4:23: samples.audio: '../samples' is a directory; name a file in it",
    ),
    "sample outside": (
        voice("", "    samples: [{audio: ../../x.wav}]\n"),
        "4:23: samples.audio: '../../x.wav' is outside the project; "
        "copy the file into the project, and write its path relative to this file",
    ),
    "absolute path": (
        voice("", "    samples: [{audio: /etc/passwd}]\n"),
        "4:23: samples.audio: '/etc/passwd' is not a relative path; "
        "copy the file into the project, and write its path relative to this file",
    ),
    "backslash": (
        voice("", "    samples: [{audio: ..\\samples\\a.wav}]\n"),
        "4:23: samples.audio: '..\\\\samples\\\\a.wav' has a backslash; "
        "write / between directories, on Windows too",
    ),
    "dot directory": (
        voice("", "    samples: [{audio: ../.git/a.wav}]\n"),
        "4:23: samples.audio: '../.git/a.wav' is in a directory whose name begins with a dot (.git); "
        "move the file to another directory",
    ),
    "same sample twice": (
        voice("", "    samples:\n    - audio: ../samples/a.wav\n    - audio: ../samples/./a.wav\n"),
        "6:14: samples.audio: '../samples/./a.wav' is in this voice twice (line 5); delete one of them",
    ),
    "sample is an image": (
        voice("", "    samples: [{audio: ../covers/a.png}]\n"),
        "4:23: samples.audio: '../covers/a.png' is image/png; convert it to wav, mp3, m4a or opus",
    ),
    "public without a cover": (
        voice("    visibility: public\n"),
        "5:17: visibility: a public voice needs a cover_image; add `cover_image:`, or choose unlist",
    ),
    "cover is sound": (
        voice("    cover_image: ../samples/a.wav\n"),
        "5:18: cover_image: '../samples/a.wav' is wav; convert it to png, jpeg, webp or gif",
    ),
    "comma in a tag": (voice("    tags: ['a,b']\n"), "5:12: tags: 'a,b' holds a comma; write two tags"),
    "mark as a tag": (
        voice("    tags: [x, ' voicectl:acme']\n"),
        "5:15: tags: ' voicectl:acme' begins with voicectl:; that is for voicectl's own marks",
    ),
    "blank tag": (voice("    tags: ['  ']\n"), "5:12: tags: a tag must not be empty; delete it"),
    "number as a tag": (voice("    tags: [1]\n"), "5:12: tags: a tag must be a text; put it in quotes"),
    "newline in a tag": (voice('    tags: ["a\\nb"]\n'), "5:12: tags: 'a\\nb' holds a control character; delete it"),
    "model id": (
        voice("    model: abc\n"),
        "5:12: model: 'abc' is not in the right form; write the model's id: 32 characters of 0-9 and a-f",
    ),
    "environment": (
        voice("    environments: [staging]\n"),
        "5:20: environments: there is no 'staging'; voicectl.yaml has no `environments:`",
    ),
    "ignored field": (
        voice("    lifecycle: {ignore: [titel]}\n"),
        "5:26: lifecycle.ignore: 'titel' is not one of title, description, visibility, tags, cover_image; "
        "did you mean 'title'?",
    ),
    "retain": (
        voice("    lifecycle: {retain: 7 days}\n"),
        "5:25: lifecycle.retain: '7 days' is not a duration; write days or hours, such as 7d or 12h, or 0",
    ),
    "date": (
        voice("    consent: {speaker: J, granted_on: 1.3.2026}\n"),
        "5:39: consent.granted_on: '1.3.2026' is not a date; "
        "write it as year-month-day, such as 2026-03-01",
    ),
    "dates out of order": (
        voice("    consent: {speaker: J, granted_on: 2026-03-01, expires_on: 2025-03-01}\n"),
        "5:63: consent.expires_on: 2025-03-01 is before granted_on (2026-03-01); put the dates in order",
    ),
    "no speaker": (
        voice("    consent: {granted_on: 2026-03-01}\n"),
        "5:5: consent: has no speaker; add `speaker:`",
    ),
    "consent does not cover": (
        voice("    visibility: unlist\n    consent: {speaker: J, visibilities: [private]}\n"),
        "6:41: consent.visibilities: the consent does not cover 'unlist', the voice's visibility; "
        "choose a visibility that it covers",
    ),
    "external without a model": (
        "voices:\n  a: {title: x, external: true}\n",
        "2:17: external voice 'a' has no model; add `model:`",
    ),
    "external with tags": (
        f"voices:\n  a: {{title: x, external: true, model: {ID}, tags: []}}\n",
        "2:74: tags: can't be set for an external voice; delete 'tags', or `external: true`",
    ),
    "one model twice": (
        f"voices:\n  a: {{title: x, model: {ID}}}\n  b: {{title: x, model: {ID}}}\n",
        f"3:24: model: {ID} is also the model of voice 'a' (voices/v.yaml:2:24); name each model once",
    ),
    "moved in a circle": (
        "moved: [{from: a, to: a}]\n",
        "1:9: moved: 'a' leads back to itself; delete one of these moves",
    ),
    "moved from a voice": (
        voice("moved: [{from: narrator, to: narrator}]\n"),
        "5:9: moved: 'narrator' is still a voice (voices/v.yaml:2:3); "
        "delete the move, or give that voice another name",
    ),
    "moved to no voice": (
        voice("moved: [{from: a, to: narrater}]\n"),
        "5:9: moved: there is no voice 'narrater'; did you mean 'narrator'?",
    ),
    "moved twice": (
        voice("moved:\n- {from: a, to: narrator}\n- {from: a, to: narrator}\n"),
        "7:3: moved: 'a' is already moved in voices/v.yaml:6:3; delete one of them",
    ),
    "two moved to one": (
        voice("moved:\n- {from: a, to: narrator}\n- {from: b, to: narrator}\n"),
        "7:3: moved: another voice is already moved to 'narrator' in voices/v.yaml:6:3; "
        "a name can take over one model only",
    ),
    "moved without to": (voice("moved: [{from: a}]\n"), "5:9: moved: this item has no 'to'; add `to:`"),
    "moved to a bad name": (
        voice("moved: [{from: a, to: B}]\n"),
        "5:23: moved.to: 'B' is not in the right form; "
        "write 1 to 63 of a-z 0-9 - _ . that begin and end with a letter or digit",
    ),
    "removed voice": (
        voice("removed: [{name: narrator}]\n"),
        "5:11: removed: 'narrator' is still a voice (voices/v.yaml:2:3); delete the voice, or this item",
    ),
    "removed twice": (
        voice("removed: [{name: x}, {name: x}]\n"),
        "5:22: removed: 'x' is already in voices/v.yaml:5:11; delete one of them",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", VOICES)
def test_broken_manifest(problems: Callable[..., list[Problem]], case: str) -> None:
    text, complaint = VOICES[case]
    found = [str(problem) for problem in problems({V: text}) if problem.level == "error"]
    assert f"{V}:{complaint}" in found
    if case not in {"moved from a voice", "unknown key at the top"}:
        assert len(found) == 1, found


PROJECTS = {
    "empty": ("", "1:1: the project file is empty; write `catalog: <name>`"),
    "no mapping": ("- a\n", "1:1: the project file must be a mapping; begin it with `catalog: <name>`"),
    "no catalog": ("provider: fish\n", "1:1: catalog: is missing; write `catalog: <name>`"),
    "catalog": (
        "catalog: Acme\n",
        "1:10: catalog: 'Acme' is not in the right form; "
        "write 1 to 40 of a-z 0-9 and - that begin with a letter or digit",
    ),
    "provider": (
        "catalog: a\nprovider: https://evil.example\n",
        "2:11: provider: 'https://evil.example' is not one of fish, emulator; write one of them",
    ),
    "a host": ("catalog: a\nhost: x\n", "2:1: unknown key 'host'; known: catalog, concurrency, defaults, environments, "
                                         "manifests, policy, provider, requires, retain, state"),
    "policy key": (
        "catalog: a\npolicy: {rule: []}\n",
        "2:10: unknown key 'rule'; did you mean 'rules'?",
    ),
    "too new": (
        'catalog: a\nrequires: ">=9999"\n',
        "2:11: requires: this project needs voicectl '>=9999', this is",
    ),
    "requires": (
        "catalog: a\nrequires: newest\n",
        "2:11: requires: 'newest' is not a range of versions; write it such as \">=1.0,<2\"",
    ),
    "remote state": (
        "catalog: a\nstate: s3://bucket/key\n",
        "2:8: state: s3:// is not supported yet; write a path in the project, such as voicectl.lock.json",
    ),
    "state outside": (
        "catalog: a\nstate: ../lock.json\n",
        "2:8: state: '../lock.json' is outside the project; "
        "write a path in the project, such as voicectl.lock.json",
    ),
    "state is the project file": (
        "catalog: a\nstate: voicectl.yaml\n",
        "2:8: state: 'voicectl.yaml' can't be the lockfile; "
        "write a path in the project, such as voicectl.lock.json",
    ),
    "limit": (
        "catalog: a\npolicy: {max_deletes: 130%}\n",
        "2:23: policy.max_deletes: '130%' is neither a whole number nor a share such as 30%; "
        "write a number such as 3, or a share such as 30%",
    ),
    "concurrency": (
        "catalog: a\nconcurrency: 0\n",
        "2:14: concurrency: 0 is neither a whole number from 1 to 1000 nor auto; write a number such as 4, or auto",
    ),
    "negative seconds": (
        "catalog: a\npolicy: {min_sample_seconds: -1}\n",
        "2:30: policy.min_sample_seconds: -1 is less than 0",
    ),
    "glob outside": (
        "catalog: a\nmanifests: [../*.yaml]\n",
        "2:13: manifests: '../*.yaml' can't be used; "
        "manifests must be inside the project; write a path relative to voicectl.yaml",
    ),
    "nothing matches": (
        "catalog: a\nmanifests: [voice/*.yaml]\n",
        "2:12: no file matches voice/*.yaml; add a manifest, or correct `manifests:`; "
        "`voicectl destroy` ends a catalog and deletes its models",
    ),
    "tag in defaults": (
        "catalog: a\ndefaults: {tags: ['voicectl:a']}\n",
        "2:19: defaults.tags: 'voicectl:a' begins with voicectl:; that is for voicectl's own marks",
    ),
    "cover in defaults": (
        "catalog: a\ndefaults: {cover_image: covers/b.png}\n",
        "2:25: cover_image: there is no file 'covers/b.png'; check the path; it is relative to this file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PROJECTS)
def test_broken_project_file(problems: Callable[..., list[Problem]], case: str) -> None:
    text, complaint = PROJECTS[case]
    found = [str(problem) for problem in problems({"voicectl.yaml": text, V: voice("")})]
    assert len(found) == 1, found
    assert found[0].startswith(f"voicectl.yaml:{complaint}")


ENVIRONMENTS = "catalog: acme\nenvironments:\n  production:\n  staging:\n    voices:\n"

IN_ENVIRONMENTS = {
    "override of nothing": (
        ENVIRONMENTS + "      narater: {title: x}\n",
        voice(""),
        "voicectl.yaml:6:7: environments.staging.voices: this overrides 'narater', and no manifest has that voice; "
        "if it was removed, delete the override; else: did you mean 'narrator'?",
    ),
    "override elsewhere": (
        ENVIRONMENTS + "      narrator: {title: x}\n",
        voice("    environments: [production]\n"),
        "voicectl.yaml:6:7: environments.staging.voices: 'narrator' is not in this environment; "
        "add 'staging' to its `environments:`, or delete the override",
    ),
    "unknown environment": (
        ENVIRONMENTS + "      narrator: {title: x}\n",
        voice("    environments: [stagin]\n"),
        "voices/v.yaml:5:20: environments: there is no 'stagin'; did you mean 'staging'?",
    ),
    "model in a manifest": (
        ENVIRONMENTS + "      narrator: {title: x}\n",
        voice(f"    model: {ID}\n"),
        "voices/v.yaml:5:12: model: a project with environments can't name a model in a manifest; "
        "write it as environments.production.voices.narrator.model in voicectl.yaml",
    ),
    "one model in two environments": (
        f"catalog: a\nenvironments:\n  production: {{voices: {{narrator: {{model: {ID}}}}}}}\n"
        f"  staging: {{voices: {{narrator: {{model: {ID}}}}}}}\n",
        voice(""),
        f"voicectl.yaml:4:40: model: {ID} is also the model of voice 'narrator' (voicectl.yaml:3:43); "
        "name each model once",
    ),
    "samples key in an override": (
        ENVIRONMENTS + "      narrator: {samples: []}\n",
        voice(""),
        "voicectl.yaml:6:18: unknown key 'samples'; known: cover_image, description, model, tags, title, visibility",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_ENVIRONMENTS)
def test_broken_environment(problems: Callable[..., list[Problem]], case: str) -> None:
    project, manifest, complaint = IN_ENVIRONMENTS[case]
    assert complaint in map(str, problems({"voicectl.yaml": project, V: manifest}, "production"))


def test_a_name_twice_names_both_places(problems: Callable[..., list[Problem]]) -> None:
    found = problems({"voices/a.yaml": voice(""), "voices/b.yaml": "\n" + voice("")})
    assert list(map(str, found)) == [
        "voices/b.yaml:3:3: voice 'narrator' is already in voices/a.yaml:2:3; "
        "give one of them another name, or delete it"
    ]


def test_longer_circles_of_moves(problems: Callable[..., list[Problem]]) -> None:
    moves = "moved: [{from: a, to: b}, {from: b, to: c}, {from: c, to: a}]\n"
    assert {p.message for p in problems({V: voice(moves)})} == {
        f"moved: {name!r} leads back to itself" for name in "abc"
    }


def test_a_name_too_long_for_the_marks(problems: Callable[..., list[Problem]]) -> None:
    project = f"catalog: {'c' * 40}\nenvironments: {{{'e' * 15}: }}\n"
    manifest = f"voices:\n  {'n' * 34}: {{title: x, samples: [{{audio: ../samples/a.wav}}]}}\n"
    (found,) = problems({"voicectl.yaml": project, V: manifest}, "e" * 15)
    assert found.place.line == 2
    assert found.hint == "use at most 33 characters"


def test_same_content_twice(problems: Callable[..., list[Problem]], sound: object) -> None:
    samples = "    samples:\n    - audio: ../samples/a.wav\n    - audio: ../samples/c.wav\n"
    content = sound.wav(seed=1)  # type: ignore[attr-defined]
    (found,) = problems({V: voice("", samples), "samples/c.wav": content})
    assert str(found) == (
        "voices/v.yaml:6:14: samples.audio: '../samples/c.wav' has the same content as the sample in line 5; "
        "delete one of them"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "'../t.txt' is empty"),
        (b"\xef\xbb\xbf \r\n", "'../t.txt' is empty"),
        (b"\xff\xfe", "'../t.txt' is not UTF-8 text"),
        (b"a\0b", "'../t.txt' holds a NUL character"),
        (b"a" * 65_537, "'../t.txt' is larger than 64 KiB"),
    ],
)
def test_broken_transcript_file(problems: Callable[..., list[Problem]], content: bytes, message: str) -> None:
    samples = "    samples: [{audio: ../samples/a.wav, transcript_file: ../t.txt}]\n"
    (found,) = problems({V: voice("", samples), "t.txt": content})
    assert found.message == f"samples.transcript_file: {message}"


def test_broken_sound_says_what_and_what_to_do(problems: Callable[..., list[Problem]]) -> None:
    (found,) = problems({V: voice(""), "samples/a.wav": b"fLaC" + bytes(100)})
    assert found.message == "samples.audio: '../samples/a.wav' is FLAC"


def test_warnings(problems: Callable[..., list[Problem]], sound: object) -> None:
    names = ["short.wav", "long.wav", "really.mp3"]
    samples = "    samples:\n" + "".join(f"    - audio: ../samples/{name}\n" for name in names)
    contents = [sound.wav(3), sound.wav(300), sound.wav(12, seed=5)]  # type: ignore[attr-defined]
    files = {f"samples/{name}": content for name, content in zip(names, contents, strict=True)}
    found = problems({V: voice("", samples), **files})
    assert [(p.level, p.place.line, p.message) for p in found] == [
        ("warning", 5, "samples.audio: '../samples/short.wav' lasts 3.0 s"),
        ("warning", 6, "samples.audio: '../samples/long.wav' lasts 300.0 s"),
        ("warning", 7, "samples.audio: '../samples/really.mp3' is in truth wav"),
    ]


def test_all_problems_of_all_files_in_one_run(problems: Callable[..., list[Problem]]) -> None:
    found = problems(
        {
            "voicectl.yaml": "catalog: acme\nretain: soon\npolcy: {}\n",
            "voices/a.yaml": "voices:\n  a:\n    title: 1\n    tags: ['x,y', 2]\n    samples:\n"
            "    - {audio: 3}\n    - {audio: nope.wav, extra: 1}\n  b: []\n",
            "voices/b.yaml": "a: [\n",
            "voices/c.yaml": "voices:\n  c: {title: x, samples: [{audio: gone.wav}]}\n",
        }
    )
    assert [(p.place.file, p.place.line, p.message.split(":")[0]) for p in found] == [
        ("voicectl.yaml", 2, "retain"),
        ("voicectl.yaml", 3, "unknown key 'polcy'"),
        ("voices/a.yaml", 3, "title"),
        ("voices/a.yaml", 4, "tags"),
        ("voices/a.yaml", 4, "tags"),
        ("voices/a.yaml", 6, "samples.audio"),
        ("voices/a.yaml", 7, "samples.audio"),
        ("voices/a.yaml", 7, "unknown key 'extra'"),
        ("voices/a.yaml", 8, "voice 'b'"),
        (
            "voices/b.yaml",
            2,
            "not valid YAML (while parsing a flow node, did not find expected node content)",
        ),
        ("voices/c.yaml", 2, "samples.audio"),
    ]
