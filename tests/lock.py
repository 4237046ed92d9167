"""Write requirements.txt: what constraints.txt pins, with the SHA-256 of each file on PyPI."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parent.parent
_HEAD = """\
# Releases with the SHA-256 of their files, for what `make chat` installs on every platform. Made by
#   make lock
# from constraints.txt, without torch and its CUDA parts, which come as the Makefile says.
"""
_WITH_TORCH = re.compile(r"(?:torch|nvidia-[\w-]+|cuda-[\w-]+|triton)==")


def main() -> None:
    """Resolve what `make chat` installs for every platform, and keep what isn't torch's."""
    command = (
        "uv pip compile --universal --python-version 3.10 --generate-hashes --no-header "
        "--no-annotate --quiet --constraint constraints.txt --extra formats pyproject.toml"
    )
    found = subprocess.run(command.split(), cwd=PROJECT, check=True, capture_output=True, text=True)
    releases = re.split(r"\n(?=[a-z])", found.stdout.strip())
    kept = [each for each in releases if not _WITH_TORCH.match(each)]
    (PROJECT / "requirements.txt").write_text(_HEAD + "\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
