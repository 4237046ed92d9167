"""Turn a JSONL file of readouts into a library of Markdown-free text files, one a readout.

    python -m tests.jsonl_library readouts.jsonl.gz LIBRARY
    readout --library LIBRARY build

Each line has doc (its name), title, paragraphs, and where known date, issuer and source_url.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

import yaml

from assistant.library import SOURCES


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jsonl", type=Path)
    parser.add_argument("library", type=Path)
    arguments = parser.parse_args()
    written = write_library(arguments.jsonl, arguments.library)
    print(f"{written:,} readouts written below {arguments.library / SOURCES}")
