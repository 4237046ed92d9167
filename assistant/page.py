"""The page around the conversation, as one HTML string."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.render import Reader, escape


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses of what the page loads, all on its own host."""

    stylesheet: str
    script: str
    gradio: str


def page_html(
    count: int,
    panel: str,
    reader: Reader,
    assets: Assets,
    *,
    theme: str = "",
    problem: str = "",
) -> str:
    """The page for a library of ``count`` documents, with ``panel`` shown beside the conversation.

    ``theme`` is *light* or *dark*, or empty for the system's; ``problem`` says why
    the library can't be asked.
    """
    wording = reader.wording
    told = {
        "language": wording.language,
        "dates": "en-US" if reader.american else wording.language,
        "copied": wording.copied,
        "not-copied": wording.not_copied,
        "shown": wording.shown,
        "dark": wording.dark,
        "light": wording.light,
        "gone": wording.gone,
        "restarted": wording.restarted,
        "send": wording.send,
        "question": wording.question,
        "conversation": wording.conversation,
    }
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in told.items())
    themed = f' data-theme="{theme}"' if theme else ""
    return f"""<!doctype html>
<html lang="{wording.language}"{themed}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="{theme or "light dark"}">
<meta name="referrer" content="no-referrer">
<title>{escape(wording.name)}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{assets.stylesheet}">
<script type="module" src="{assets.script}"></script>
<script type="module" src="{assets.gradio}"></script>
</head>
<body class="empty loading"{data}>
<a class="skip" href="#question">{escape(wording.skip)}</a>
<header id="masthead">
<h1>{escape(wording.name)}</h1>
<p class="tagline">{escape(wording.tagline)}</p>
<nav aria-label="{escape(wording.name)}">
<button type="button" id="new-chat">{escape(wording.new_chat)}</button>
<button type="button" id="show-documents">{escape(wording.documents)}</button>
<button type="button" id="language" lang="{wording.other_language}" \
value="{wording.other_language}">{escape(wording.other_name)}</button>
<button type="button" id="theme">{escape(wording.light if theme == "dark" else wording.dark)}\
</button>
</nav>
</header>
<div id="desk">
<div id="talk">
{_welcome(count, reader, problem)}
<noscript><p class="notice">{escape(wording.needs_script)}</p></noscript>
<div id="skeleton" aria-hidden="true"></div>
</div>
<aside id="panel" aria-label="{escape(wording.documents)}">{panel}</aside>
</div>
<div id="connection" role="alert" hidden><span></span>
<button type="button" id="reload" hidden>{escape(wording.reload)}</button></div>
<div id="announcer" role="status" class="unseen"></div>
</body>
</html>
"""


def _welcome(count: int, reader: Reader, problem: str) -> str:
    wording = reader.wording
    if problem:
        title, more = wording.no_index, wording.no_index_more.format(reason=problem)
    elif not count:
        title, more = wording.empty_library, wording.empty_library_more
    else:
        title, more = wording.welcome, wording.readouts(count)
    return (
        f'<section id="welcome" aria-labelledby="welcome-title">'
        f'<h2 id="welcome-title">{escape(title)}</h2><p>{escape(more)}</p>'
        f'<ul id="examples" aria-label="{escape(wording.examples)}"></ul></section>'
    )
