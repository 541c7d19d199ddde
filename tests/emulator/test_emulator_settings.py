"""Settings and rules from YAML and from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicectl.emulator.settings import Fault, Settings
from voicectl.errors import UsageError

WHOLE = """
keys: [one, two]
no_credit: two
latency: 5
concurrency_limit: 3
training_seconds: 0.5
fail_training: "bad *"
fail_training_nth: [2]
drop_tags: true
downgrade_public: true
max_offset: 10000
rules:
  - {kind: status, status: 503, method: post, path: /model, nth: 1, retry_after: 2}
  - {kind: reset_after, probability: 0.1, seed: 7, times: 3}
"""


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    return Settings.from_yaml(path)


def test_a_whole_file(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == Settings(
        keys=("one", "two"),
        no_credit=("two",),
        latency=5,
        concurrency_limit=3,
        training_seconds=0.5,
        fail_training=("bad *",),
        fail_training_nth=(2,),
        drop_tags=True,
        downgrade_public="create",
        max_offset=10_000,
        rules=(
            Fault("status", status=503, method=("POST",), path="/model", nth=(1,), retry_after=2),
            Fault("reset_after", probability=0.1, seed=7, times=3),
        ),
    )


def test_an_empty_file_is_a_healthy_provider(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n") == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("latency: soon", "latency: 'soon': Input should be a valid number"),
        ("latency: -1", "latency: -1: Input should be greater than or equal to 0"),
        ("latency: .nan", "latency"),
        ("latency: true", "latency: True"),
        ("drop: 1\nlatencey: 1", "drop: unknown key; did you mean 'drop_tags'?; latencey: unknown key"),
        ("latencey: 1", "latencey: unknown key; did you mean 'latency'?"),
        ("concurrency_limit: 0", "concurrency_limit: 0: Input should be greater than or equal to 1"),
        ("drop_tags: maybe", "drop_tags: 'maybe': Input should be a valid boolean"),
        (
            "downgrade_public: sometimes",
            "downgrade_public: 'sometimes': Input should be 'never', 'create', 'always' or 'refuse'",
        ),
        ("keys: [1]", "keys"),
        ("rules: {kind: html}", "rules: {'kind': 'html'}: Input should be a valid tuple"),
        ("rules: [html]", "rules[0]: must be a mapping"),
        ("rules: [{}]", "rules[0].kind: is missing"),
        ("rules: [{kind: rest_before}]", "rules[0].kind: 'rest_before' is not one of the kinds"),
        (
            "rules: [{kind: html}, {kind: status, status: 9}]",
            "rules[1].status: 9: Input should be greater than or equal to 100",
        ),
        ("rules: [{kind: html, nth: 0}]", "rules[0].nth[0]: 0: Input should be greater than or equal to 1"),
        ("rules: [{kind: html, probability: 2}]", "rules[0].probability: 2: Input should be less than or equal to 1"),
        ("rules: [{kind: html, pth: /x}]", "rules[0].pth: unknown key; did you mean 'path'?"),
        ("- 1", "must be a mapping"),
        ("a: 1\nb: ]", "faults.yaml:2: is not valid YAML"),
        ("a: !!python/name:os.system", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "faults.yaml") in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match=path.name) as caught:
            Settings.from_yaml(path)
        assert caught.value.hint


def test_python_values_are_checked_too() -> None:
    with pytest.raises(ValueError, match="kind"):
        Fault("rest_before")
    with pytest.raises(ValueError, match="latency"):
        Settings(latency=-1)
