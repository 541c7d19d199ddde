"""The provider's API as a Starlette application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from voicectl.emulator import answers, controls, models, speech
from voicectl.emulator.gate import CONTROL_PREFIX, Gate
from voicectl.emulator.requestlog import RequestLog
from voicectl.emulator.settings import Settings
from voicectl.emulator.store import Store

_ROUTES = (
    Route("/model", models.create_model, methods=["POST"]),
    Route("/model", models.list_models, methods=["GET"]),
    Route("/model/{id}", models.get_model, methods=["GET"]),
    Route("/model/{id}", models.update_model, methods=["PATCH"]),
    Route("/model/{id}", models.delete_model, methods=["DELETE"]),
    Route("/v1/tts", speech.text_to_speech, methods=["POST"]),
    Route("/wallet/{user_id}/api-credit", models.wallet, methods=["GET"]),
    Route(CONTROL_PREFIX + "/log", controls.read_log, methods=["GET"]),
    Route(CONTROL_PREFIX + "/log", controls.clear_log, methods=["DELETE"]),
    Route(CONTROL_PREFIX + "/models", controls.all_models, methods=["GET"]),
    Route(CONTROL_PREFIX + "/models/{id}", controls.change_model, methods=["POST"]),
    Route(CONTROL_PREFIX + "/models/{id}", controls.remove_model, methods=["DELETE"]),
)


def create_app(store: Store, settings: Settings | None = None) -> Starlette:
    """The emulator over a store, which stays the caller's to close.

    `app.state.store`, `.settings` (replaceable at any time) and `.log` (a RequestLog) are its Python side.
    """
    app = Starlette(
        routes=_ROUTES,
        exception_handlers={
            answers.ApiError: answers.on_api_error,
            answers.Invalid: answers.on_invalid,
            answers.Unparseable: answers.on_unparseable,
            HTTPException: answers.on_http_exception,
        },
    )
    app.state.store = store
    app.state.settings = settings or Settings()
    app.state.log = RequestLog()
    app.user_middleware.append(Middleware(Gate, state=app.state))
    return app
