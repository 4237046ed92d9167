"""Readouts in a JSON-lines file as a library of text files, so that one of them can change."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import yaml

from assistant.library import SOURCES

_TOPICS = (
    "the Taiwan Strait; sanctions on Russia; semiconductor supply chains; a hostage deal; "
    "air defense for Ukraine; refugees; climate finance; vaccines; nuclear weapons; "
    "freedom of navigation; the ceasefire; trade and tariffs; critical minerals; "
    "human rights; counterterrorism; food security"
).split("; ")
_FORMS = (
    "What did they say about {}?",
    "Which countries were named with regard to {}?",
    "What was promised on {}?",
    "Did {} come up?",
    "Who raised {}, and why?",
    "How much money was pledged for {}?",
)


def questions(count: int) -> list[str]:
    """``count`` questions, at most 96, no two the same: vectors of questions are remembered."""
    return [form.format(topic) for form in _FORMS for topic in _TOPICS][:count]


def write_library(jsonl: Path, library: Path) -> int:
    """Write the readouts in ``jsonl`` below ``library``; returns how many there are."""
    opener = gzip.open if jsonl.suffix == ".gz" else open
    sources = library / SOURCES
    sources.mkdir(parents=True, exist_ok=True)
    count = 0
    with opener(jsonl, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            count += 1
            known = {"title": row["title"], "url": row.get("source_url")}
            known |= {key: row.get(key) for key in ("date", "issuer")}
            front = yaml.safe_dump(
                {key: value for key, value in known.items() if value}, allow_unicode=True
            )
            text = "\n\n".join(row["paragraphs"])
            path = sources / f"{row['doc']}.txt"
            path.write_text(f"---\n{front}---\n{text}\n", encoding="utf-8")
    return count
