"""The page around the conversation, as one HTML string."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.web.render import Reader, escape

# Asked for at once, so that text is never drawn in another font first and then jumps.
_FIRST_FONTS = ("source-sans-3-latin-wght-normal", "source-serif-4-latin-opsz-normal")


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses of what the page loads, all on its own host."""

    stylesheet: str
    script: str
    gradio: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the page shows when it opens.

    ``readouts`` counts the library's; ``asking`` says which are asked; ``panel`` is the HTML beside
    the conversation; ``problem`` says why the library can't be asked, if it can't, and
    ``buildable`` whether the reader may mend that by building the index.
    """

    readouts: int
    asking: str
    panel: str
    problem: str = ""
    buildable: bool = False


def page_html(contents: Contents, reader: Reader, assets: Assets, theme: str = "") -> str:
    """The page; ``theme`` is *light* or *dark*, or empty for the system's."""
    wording = reader.wording
    told = {
        "language": wording.language,
        "dates": "en-US" if reader.american else wording.language,
        "copied": wording.copied,
        "not-copied": wording.not_copied,
        "dark": wording.dark,
        "light": wording.light,
        "gone": wording.gone,
        "restarted": wording.restarted,
        "thanks": wording.thanks,
        "busy": wording.busy,
        "removed": wording.removed,
    }
    data = "".join(f' data-{name}="{escape(value)}"' for name, value in told.items())
    fonts = "".join(
        f'<link rel="preload" href="/static/fonts/{name}.woff2" as="font" crossorigin>'
        for name in _FIRST_FONTS
    )
    themed = f' data-theme="{theme}"' if theme else ""
    return f"""<!doctype html>
<html lang="{wording.language}"{themed}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="{theme or "light dark"}">
<title>{escape(wording.name)}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
{fonts}
<link rel="stylesheet" href="{assets.stylesheet}">
<script type="module" src="{assets.script}"></script>
<script type="module" src="{assets.gradio}"></script>
</head>
<body class="empty loading"{data}>
<a class="skip" href="#question">{escape(wording.skip)}</a>
<header id="masthead">
<h1>{escape(wording.name)}</h1>
<p class="tagline">{escape(wording.tagline)}</p>
{_menu(reader, theme)}
</header>
<div id="desk">
<div id="talk">
{_welcome(contents, reader)}
<noscript><p class="notice">{escape(wording.needs_script)}</p></noscript>
<div id="conversation-place"><div id="skeleton" aria-hidden="true"></div></div>
{_scope(contents, reader)}
</div>
<aside id="panel" aria-label="{escape(wording.documents)}">{contents.panel}</aside>
</div>
<div id="busy" class="bar" role="alert" hidden></div>
<div id="connection" class="bar" role="alert" hidden><span></span>
<button type="button" id="reload" hidden>{escape(wording.reload)}</button></div>
<div id="announcer" role="status" class="unseen"></div>
</body>
</html>
"""


def _menu(reader: Reader, theme: str) -> str:
    wording = reader.wording
    other = wording.light if theme == "dark" else wording.dark
    return f"""<nav aria-label="{escape(wording.menu)}">
<button type="button" id="new-chat">{escape(wording.new_chat)}</button>
<button type="button" id="show-documents">{escape(wording.documents)}</button>
<button type="button" id="more" aria-expanded="false" aria-controls="menu" \
aria-label="{escape(wording.menu)}">⋯</button>
<div id="menu">
<details id="export"><summary>{escape(wording.export)}</summary><div>
<a download href="/conversation/none.md">{escape(wording.export_markdown)}</a>
<a download href="/conversation/none.html">{escape(wording.export_html)}</a>
<a download href="/conversation/none.bib">BibTeX</a>
<a download href="/conversation/none.ris">RIS</a>
<a download href="/conversation/none.json">CSL-JSON</a>
<button type="button" id="print">{escape(wording.print_page)}</button>
</div></details>
<button type="button" id="language" lang="{wording.other_language}" \
value="{wording.other_language}">{escape(wording.other_name)}</button>
<button type="button" id="theme">{escape(other)}</button>
</div>
</nav>"""


def _welcome(contents: Contents, reader: Reader) -> str:
    wording = reader.wording
    if contents.problem:
        # What exactly is wrong names folders of this machine, and is for those who may mend it.
        more = wording.because(contents.problem) if contents.buildable else wording.no_index_more
        title = wording.no_index
    elif not contents.readouts:
        title, more = wording.empty_library, wording.empty_library_more
    else:
        title, more = wording.welcome, wording.readouts(contents.readouts)
    build = ""
    if contents.problem and contents.buildable:
        build = (
            f'<form id="building"><button type="submit">{escape(wording.build)}</button>'
            f'<p class="progress" hidden>{escape(wording.adding)} <progress></progress></p></form>'
        )
    return (
        f'<section id="welcome" aria-labelledby="welcome-title">'
        f'<h2 id="welcome-title">{escape(title)}</h2><p>{escape(more)}</p>{build}'
        f'<ul id="examples" aria-label="{escape(wording.examples)}"></ul></section>'
    )


def _scope(contents: Contents, reader: Reader) -> str:
    wording = reader.wording
    nothing = "" if contents.readouts else " hidden"
    only_one = "" if contents.readouts > 1 else " hidden"
    return (
        f'<section id="scope" aria-label="{escape(wording.scope)}"{nothing}>'
        f"<span>{escape(contents.asking)}</span> "
        f'<button type="button" id="choose-scope"{only_one}>{escape(wording.change_scope)}</button>'
        f'<button type="button" id="clear-scope" hidden>{escape(wording.clear_scope)}</button>'
        "</section>"
    )
