"""The conversation as a Gradio app: a chatbot, a question box, and nothing else.

The page around it, with the source panel, is made by ``page`` and served by ``server``. What the
page knows and a question needs (which conversation, which readouts) comes in a hidden text box, as
the query string that ``Request`` reads.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Read by Gradio when it is imported: unless this is set, it reports to its makers.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio
from gradio.events import api
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from assistant.errors import QuestionError, ReadoutError
from assistant.library import Library
from assistant.schema import Asked, faults
from assistant.types import Scope
from assistant.web.catalogue import Catalogue
from assistant.web.conversation import Conversations, Turn
from assistant.web.examples import Examples
from assistant.web.panel import in_scope, read_scope
from assistant.web.problems import UNUSABLE
from assistant.web.render import Reader, answer_html, error_html, question_html, searching_html
from assistant.web.wording import Wording

log = logging.getLogger(__name__)

FRONTEND = Path(gradio.__file__).parent / "templates" / "frontend"

Message = dict[str, str]

_AT_ONCE = 4  # questions; the model uses every core for each, so more would only wait inside it
_WAITING = 100
_SESSIONS = 100  # whose last page Gradio remembers; it keeps some 70 KB of each and needs none
_SUGGESTIONS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """What comes with a question: the conversation's key, the scope, and how dates are written."""

    conversation: str
    scope: Scope
    american: bool

    @classmethod
    def read(cls, text: str) -> Request:
        """The request in the query string ``text``; what can't be read is left out."""
        fields = QueryParams(text)
        return cls(
            conversation=fields.get("conversation", ""),
            scope=read_scope(fields),
            american=fields.get("dates") == "en-US",
        )


def build(
    library: Library,
    catalogue: Catalogue,
    conversations: Conversations,
    examples: Examples,
    wording: Wording,
    *,
    feedback: bool,
) -> gradio.Blocks:
    """The app in one language; with ``feedback``, readers can say whether an answer helped."""

    def messages(
        turns: Sequence[Turn], reader: Reader, suggestions: Sequence[str] = ()
    ) -> list[Message]:
        said = []
        for turn in turns:
            reply = answer_html(
                turn.answer,
                reader,
                asked_of=_asked_of(turn, wording),
                turn=turn.id if feedback else "",
                suggestions=suggestions if turn is turns[-1] else (),
            )
            said += [_says("user", question_html(turn.question)), _says("assistant", reply)]
        return said

    def further(turns: Sequence[Turn]) -> list[str]:
        quoted = {
            (quote.document, quote.paragraph_id) for turn in turns for quote in turn.answer.quotes
        }
        questions = [
            each.question
            for each in examples.found() or ()
            if (each.quote.document, each.quote.paragraph_id) not in quoted
        ]
        return questions[:_SUGGESTIONS]

    def ask(question: str, context: str) -> Iterator[tuple[list[Message], str, str]]:
        request = Request.read(context)
        reader = Reader(wording, request.american)
        turns = conversations.turns(request.conversation)
        so_far = messages(turns, reader)
        if not question.strip():
            yield so_far, "", ""
            return
        asked = [*so_far, _says("user", question_html(question))]
        yield [*asked, _says("assistant", searching_html(reader))], "", question
        try:
            answer = library.answer(
                question, history=[turn.question for turn in turns], scope=request.scope
            )
        except QuestionError as error:
            reply = error_html(wording.error, wording.because(error))
            yield [*asked, _says("assistant", reply)], question, question
        except ReadoutError as error:
            log.warning("a question could not be answered: %s", error)
            # The message names folders of this machine, and is in the log for who runs it.
            reply = error_html(wording.no_index, wording.no_index_more)
            yield [*asked, _says("assistant", reply)], question, question
        else:
            cards = catalogue.cards()
            turn = Turn(question, answer, in_scope(cards, request.scope), len(cards))
            turns = conversations.add(request.conversation, turn)
            yield messages(turns, reader, further(turns)), "", question

    def answer(question: str, history: list[str] = [], k: int = 5) -> dict[str, Any]:  # noqa: B006
        """The answer as JSON; ``history`` are earlier questions, ``k`` counts passages."""
        try:
            asked = Asked(question=question, history=history, k=k)
            return library.answer(asked.question, **asked.options()).as_dict()
        except ValidationError as error:
            raise gradio.Error(faults(error.errors()), print_exception=False) from error
        except QuestionError as error:
            raise gradio.Error(str(error), print_exception=False) from error
        except ReadoutError as error:
            log.warning("a question could not be answered: %s", error)
            raise gradio.Error(UNUSABLE, print_exception=False) from error

    def fail(question: str, context: str) -> list[Message]:
        request = Request.read(context)
        reader = Reader(wording, request.american)
        reply = error_html(wording.failed, wording.failed_more)
        so_far = messages(conversations.turns(request.conversation), reader)
        return [*so_far, _says("user", question_html(question)), _says("assistant", reply)]

    blocks: gradio.Blocks = gradio.Blocks(
        title=wording.name, analytics_enabled=False, fill_height=True
    )
    with blocks:
        # Feedback, copying and clearing are the page's own, so Gradio's buttons are off.
        chatbot = gradio.Chatbot(
            elem_id="conversation",
            label=wording.conversation,
            show_label=False,
            container=False,
            autoscroll=False,
            height="100%",
            buttons=[],
            latex_delimiters=[],
            line_breaks=False,
            allow_tags=False,
            feedback_options=None,
        )
        with gradio.Row(elem_id="composer"):
            box = gradio.Textbox(
                elem_id="question",
                label=wording.question,
                show_label=False,
                container=False,
                placeholder=wording.question,
                max_lines=6,
            )
            # Enabled by the load event below, which is how the page knows that it can ask.
            send = gradio.Button(wording.send, elem_id="send", interactive=False)
        context = gradio.Textbox(elem_id="context", visible="hidden", label=wording.conversation)
        # The question being answered, for when that fails. A gradio.State would keep a stream open.
        last = gradio.Textbox(visible="hidden", label=wording.question)
        clear = gradio.Button(elem_id="clear", visible="hidden")
        asked = gradio.on(
            [box.submit, send.click],
            ask,
            [box, context],
            [chatbot, box, last],
            show_progress="hidden",
            concurrency_limit=_AT_ONCE,
            api_visibility="private",
        )
        asked.failure(
            fail, [last, context], [chatbot], show_progress="hidden", api_visibility="private"
        )
        blocks.load(
            lambda: gradio.Button(interactive=True),
            None,
            [send],
            show_progress="hidden",
            api_visibility="private",
        )
        clear.click(
            lambda: ([], ""), None, [chatbot, box], show_progress="hidden", api_visibility="private"
        )
        api(answer, api_name="answer", concurrency_limit=_AT_ONCE)
    blocks.queue(max_size=_WAITING, api_open=False)
    blocks.state_session_capacity = _SESSIONS
    return blocks


def _asked_of(turn: Turn, wording: Wording) -> str:
    if turn.asked == turn.total:
        return ""
    return wording.scope_narrowed.format(count=turn.asked, total=turn.total)


def _says(role: str, html: str) -> Message:
    return {"role": role, "content": html}


def mount(app: Any, blocks: gradio.Blocks, path: str) -> None:
    """Serve ``blocks`` below ``path`` of the FastAPI application ``app``."""
    gradio.mount_gradio_app(
        app,
        blocks,
        path,
        run_history=False,
        footer_links=[],
        show_error=False,
        enable_monitoring=False,
        # Fonts named as such: a theme's own would be asked of another host.
        theme=gradio.themes.Base(font=["system-ui"], font_mono=["monospace"]),
    )
