"""A model as the API shows it, and what the provider fills in by itself."""

from __future__ import annotations

import hashlib
import random
import re
import time
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from voicectl.emulator.bodies import ReceivedFile
from voicectl.emulator.responses import Invalid, dumps
from voicectl.emulator.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNATURE = "\x01signature\x01"
_STORED_SIGNATURE = dumps(_SIGNATURE)[1:-1]
_HEARD = (
    "the quiet harbour wakes before the first light and somebody counts the boats as they come home "
    "while bread is baked on the hill and the bell rings twice for those who are still at sea"
)
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A model to be made. `ready_in` is the seconds of training before `state` shows."""

    workspace: str
    title: str
    description: str = ""
    visibility: str = "private"
    tags: tuple[str, ...] = ()
    cover_image: str = ""
    voices: tuple[ReceivedFile, ...] = ()
    texts: tuple[str, ...] = ()
    generate_sample: bool = False
    state: str = "trained"
    ready_in: float = 0.0


def workspace_of(key: str) -> str:
    """The workspace of a key, which is also its author id: 32 hex characters, the same for the same key."""
    return hashlib.sha256(b"voicectl emulator workspace\0" + key.encode()).hexdigest()[:32]


def iso_time(micros: int) -> str:
    """Microseconds since the epoch as the API writes times."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def micros_of(text: str) -> int:
    """The reverse of `iso_time`. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def new_entity(draft: Draft, created_at: int) -> dict[str, Any]:
    """The model as the API shows it, without `state`, which depends on the time of the request."""
    samples = [_sample(index, voice, draft.texts) for index, voice in enumerate(draft.voices)]
    languages = list(dict.fromkeys(language_of(sample["text"]) for sample in samples))
    when = iso_time(created_at)
    return {
        "_id": uuid.uuid4().hex,
        "type": "tts",
        "title": draft.title,
        "description": draft.description,
        "cover_image": draft.cover_image,
        "train_mode": "fast",
        "tags": list(draft.tags),
        "samples": samples,
        "created_at": when,
        "updated_at": when,
        "languages": languages,
        "visibility": draft.visibility,
        "lock_visibility": False,
        "dmca_taken_down": False,
        "takedown_category": None,
        "licensed": False,
        "default_text": samples[0]["text"][:100] if samples and draft.generate_sample else "",
        "source": "api",
        **dict.fromkeys(_PVC),
        "quality": _quality(draft.voices, languages, when),
        "like_count": 0,
        "mark_count": 0,
        "shared_count": 0,
        "task_count": 0,
        "unliked": False,
        "liked": False,
        "marked": False,
        "author": {
            "_id": draft.workspace,
            "nickname": f"user-{draft.workspace[:8]}",
            "avatar": f"avatars/{draft.workspace}.png",
        },
    }


_PVC = (
    "pvc_release_state",
    "pvc_notice_period_months",
    "pvc_released_at",
    "pvc_retire_requested_at",
    "pvc_retire_effective_at",
)


def rendered(document: str, state: str) -> str:
    """A stored document in the form of an answer: with its state, and freshly signed sample URLs."""
    expires = int(time.time()) + 3600
    signature = hashlib.blake2b(str(expires).encode(), digest_size=16).hexdigest()
    signed = document.replace(_STORED_SIGNATURE, f"Expires={expires}&Signature={signature}")
    return f'{{"state":{dumps(state)},{signed[1:]}'


def _sample(index: int, voice: ReceivedFile, texts: Sequence[str]) -> dict[str, str]:
    task = uuid.uuid4().hex
    return {
        "title": f"Sample {index + 1}",
        "text": (texts[index] if index < len(texts) else "") or _transcript(voice),
        "task_id": task,
        "audio": f"https://samples.emulator.invalid/task/{task}.mp3?{_SIGNATURE}",
    }


def _transcript(voice: ReceivedFile) -> str:
    """The transcript from speech recognition: the same words for the same audio."""
    dice, heard = random.Random(voice.digest), _HEARD.split()
    words = [dice.choice(heard) for _ in range(max(4, min(60, int(voice.duration_ms / 400))))]
    return " ".join(words).capitalize() + "."


def language_of(text: str) -> str:
    """The language of a text by its script, in two letters."""
    return next((name for name, script in _SCRIPTS if script.search(text)), "en")


def _quality(voices: Sequence[ReceivedFile], languages: Sequence[str], when: str) -> Mapping[str, Any] | None:
    if not voices:
        return None
    audios = [
        {
            "filename": voice.filename or f"voice-{index}",
            "duration_ms": voice.duration_ms,
            "language": languages[0],
            "quality": {"snr": 30 + int(voice.digest[:2], 16) / 16},
            "quality_passed": True,
            "quality_reason": "",
        }
        for index, voice in enumerate(voices)
    ]
    return {"audios": audios, "created_at": when, "updated_at": when}


def stored(tags: Sequence[str], settings: Settings) -> list[str]:
    """The tags that a model gets from a request. Raises Invalid if one is refused."""
    if settings.clean_tags != "never":
        tags = [tag.strip() for tag in tags]
    if settings.clean_tags == "nfkc":
        tags = [unicodedata.normalize("NFKC", tag) for tag in tags]
    if settings.lower_tags:
        tags = [tag.lower() for tag in tags]
    if settings.colon_tags == "refuse" and any(":" in tag for tag in tags):
        raise Invalid.at("body", "tags", "Tags should have no colon")
    if settings.colon_tags == "drop":
        tags = [tag for tag in tags if ":" not in tag]
    return [tag[: settings.tag_length] for tag in tags[: settings.tag_count]]


def changed(sent: Sequence[str] | None, settings: Settings) -> list[str] | None:
    """The tags after a PATCH, or None if it leaves them alone. `sent` is None without tags."""
    if sent is None:
        return [] if settings.patch_without_tags == "empty" else None
    if not sent:
        return [] if settings.patch_empty_tags == "empty" else None
    return stored(sent, settings)


def sought(tags: Sequence[str], settings: Settings) -> list[str] | None:
    """The tags that a listing looks for; None if it can't find anything."""
    if not tags or settings.tag_filter == "exact":
        return list(dict.fromkeys(tags))
    findable = [tag for tag in dict.fromkeys(tags) if settings.tag_filter == "no_colons" and ":" not in tag]
    return findable if findable and (settings.match_any_tag or len(findable) == len(set(tags))) else None
