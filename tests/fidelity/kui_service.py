# ruff: noqa: UP006, UP007, UP035
# mypy: disable-error-code="misc, untyped-decorator"
"""The provider's calls as an application of Kui, the framework that the live service most likely uses.

Its parameters are those of the published description, which a test compares with what Kui prints of them. A handler
answers with what it read; a file is told as its name, type and content.
"""

# No `from __future__ import annotations`: Kui reads the annotations as they are.
from typing import Annotated, Any, List, Literal, Union

import msgpack
from baize.datastructures import ContentType
from kui.asgi import Body, FactoryClass, HttpRequest, HttpView, JSONResponse, Kui, OpenAPI, Path, Query, UploadFile
from pydantic import BaseModel, Field

Visibility = Literal["public", "unlist", "private"]
Texts = Union[List[str], str]
UpTo20 = Annotated[List[str], Field(max_length=20)]
From1To20 = Annotated[List[UploadFile], Field(min_length=1, max_length=20)]


class Request(HttpRequest):
    """Kui's request, which knows no msgpack; the live service says that it does."""

    async def data(
        self,
    ) -> Annotated[
        Any,
        ContentType("application/json"),
        ContentType("application/x-www-form-urlencoded"),
        ContentType("multipart/form-data"),
        ContentType("application/msgpack"),
    ]:
        """What the body holds."""
        if self.content_type == "application/msgpack":
            return msgpack.unpackb(await self.body, raw=False)
        return await super().data()


app: Any = Kui(factory_class=FactoryClass(http=Request))
app.router <<= "/docs" // OpenAPI().routes


async def told(values: dict[str, Any]) -> Any:
    """What was read, as JSON."""
    return JSONResponse({name: await _plain(value) for name, value in values.items() if name != "cls"})


async def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [await _plain(item) for item in value]
    if isinstance(value, dict):
        return {name: await _plain(item) for name, item in value.items()}
    if hasattr(value, "aread"):
        return {"name": value.filename, "type": value.content_type, "content": (await value.aread()).decode("latin-1")}
    return value.decode("latin-1") if isinstance(value, bytes) else value


@app.router.http("/model")
class Models(HttpView):
    """All models."""

    @classmethod
    async def get(
        cls,
        own: Annotated[bool, Query(False, alias="self")],
        page_size: Annotated[int, Query(10, ge=1, le=100)],
        page_number: Annotated[int, Query(1, ge=1)],
        title: Annotated[Union[str, None], Query(None)],
        tag: Annotated[Union[Texts, None], Query(None)],
        author_id: Annotated[Union[str, None], Query(None)],
        language: Annotated[Union[Texts, None], Query(None)],
        title_language: Annotated[Union[Texts, None], Query(None)],
        sort_by: Annotated[Literal["score", "task_count", "created_at"], Query("score")],
    ) -> Any:
        """GET /model."""
        return await told(locals())

    @classmethod
    async def post(
        cls,
        type: Annotated[Literal["tts"], Body()],
        title: Annotated[str, Body()],
        train_mode: Annotated[Literal["fast"], Body()],
        voices: Annotated[Union[From1To20, UploadFile], Body()],
        visibility: Annotated[Visibility, Body("public")],
        description: Annotated[Union[str, None], Body(None)],
        cover_image: Annotated[Union[UploadFile, None], Body(None)],
        texts: Annotated[Union[UpTo20, str, None], Body(None)],
        tags: Annotated[Union[Texts, None], Body(default_factory=list)],
        enhance_audio_quality: Annotated[bool, Body(True)],
        generate_sample: Annotated[bool, Body(False)],
    ) -> Any:
        """POST /model."""
        return await told(locals())


@app.router.http("/model/{id}")
class One(HttpView):
    """One model."""

    @classmethod
    async def patch(
        cls,
        id: Annotated[str, Path()],
        title: Annotated[Union[str, None], Body(None)],
        description: Annotated[Union[str, None], Body(None)],
        cover_image: Annotated[Union[UploadFile, None], Body(None)],
        visibility: Annotated[Union[Visibility, None], Body(None)],
        tags: Annotated[Texts, Body(default_factory=list)],
    ) -> Any:
        """PATCH /model/{id}."""
        return await told(locals())


class Reference(BaseModel):
    """ReferenceAudio."""

    audio: bytes
    text: str


class Speech(BaseModel):
    """TTSRequest, as far as voicectl sends it."""

    text: str
    references: Union[List[Reference], List[List[Reference]], None] = None
    reference_id: Union[str, List[str], None] = None
    format: Literal["wav", "pcm", "mp3", "opus"] = "mp3"


@app.router.http.post("/v1/tts")
async def text_to_speech(speech: Annotated[Speech, Body(exclusive=True)]) -> Any:
    """POST /v1/tts."""
    return await told(speech.model_dump())
