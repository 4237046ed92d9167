"""The interface of OpenAI's chat completions, so that programs made for it can ask readouts.

The last message of the user is the question, earlier ones are its history, and nothing else counts:
there is no model to give instructions to. The reply's text is the answer as Markdown, and its
field ``readout`` the whole answer as JSON.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from assistant.library import Library
from assistant.markdown import answer_blocks
from assistant.schema import AnswerFields
from assistant.types import Answer
from assistant.web.line import Line
from assistant.web.problems import described

MODEL = "readout"


class Part(BaseModel):
    """A part of a message; only text can be asked."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    def words(self) -> str:
        """Its text."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text")

    def is_text(self) -> bool:
        """Whether there is nothing else in it."""
        parts = () if isinstance(self.content, str) else self.content or ()
        return all(part.type == "text" for part in parts)


class Completion(BaseModel):
    """A request for an answer; what would steer a model that generates is ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": MODEL,
                "messages": [
                    {"role": "user", "content": "Does the treaty cover the Senkaku Islands?"}
                ],
            }
        }
    )

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=1_000)]
    stream: bool = False
    n: Literal[1] = 1


class Reply(BaseModel):
    """The answer as a message, and in ``readout`` as at every other door."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    readout: AnswerFields


def router(library: Library, line: Line) -> APIRouter:
    """The routes below /v1."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "readout-assistant"}

    @routes.get("/models")
    def models() -> dict[str, Any]:
        """The one model that there is."""
        return {"object": "list", "data": [model]}

    @routes.get("/models/{name}", responses=described(404))
    def named_model(name: str) -> dict[str, Any]:
        """The model, if that is its name."""
        _check(name)
        return model

    @routes.post(
        "/chat/completions",
        response_model=None,
        responses={200: {"model": Reply}, **described(404)},
    )
    async def complete(completion: Completion) -> Response:
        """The answer to the last question; with ``stream``, as server-sent events."""
        _check(completion.model)
        asked = [each.words() for each in completion.messages if each.role == "user"]
        if not asked or completion.messages[-1].role != "user":
            raise HTTPException(422, "the last message must be the user's, and is the question")
        if not completion.messages[-1].is_text():
            raise HTTPException(422, "only text can be asked")
        earlier = [each for each in asked[:-1] if each.strip()]
        answer = await line.run(library.answer, asked[-1], history=earlier)
        about = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": MODEL,
        }
        if completion.stream:
            return StreamingResponse(_events(about, answer), media_type="text/event-stream")
        message = {"role": "assistant", "content": "\n\n".join(answer_blocks(answer))}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return JSONResponse(
            about | {"object": "chat.completion", "choices": [choice], "readout": answer.as_dict()}
        )

    return routes


def _check(name: str) -> None:
    if name != MODEL:
        raise HTTPException(404, f"there is one model here, and its name is {MODEL}")


def _events(about: dict[str, Any], answer: Answer) -> Iterator[str]:
    """A chunk for each block of the answer, then one with the whole answer in ``readout``."""

    def event(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        chunk = about | {"object": "chat.completion.chunk", "choices": [choice]} | more
        return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"

    yield event({"role": "assistant", "content": ""})
    for place, block in enumerate(answer_blocks(answer)):
        yield event({"content": f"\n\n{block}" if place else block})
    yield event({}, "stop", readout=answer.as_dict())
    yield "data: [DONE]\n\n"
