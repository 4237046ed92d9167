"""The installed package, used as its users do: python tests/smoke.py PYTHON, whose environment has
nothing but the package in it. Needs nothing but the standard library, and runs outside the project.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

SOURCES = Path(__file__).resolve().parent.parent / "source_docs"
QUESTION = "Does the treaty cover the Senkaku Islands?"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
NOT_NEEDED = ("pytest", "ir_measures", "mcp", "langchain_core", "llama_index", "openai", "tests")


def main(python: str) -> None:
    """Build, ask, verify, examine, and ask the chat's interface; what isn't so raises."""
    readout = str(Path(python).parent / "readout")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = folder / "library"
        shutil.copytree(SOURCES, library / "source_docs")

        def run(*command: str, given: str | None = None) -> str:
            result = subprocess.run(
                command,
                cwd=folder,
                env=ENVIRONMENT,
                input=given,
                capture_output=True,
                encoding="utf-8",
            )
            if result.returncode:
                raise SystemExit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
            return result.stdout

        where = run(python, "-c", "import assistant; print(assistant.__file__)")
        assert Path(where.strip()).is_relative_to(Path(python).parent.parent), where
        for module in NOT_NEEDED:
            found = f"import importlib.util as u; print(u.find_spec('{module}') is not None)"
            assert run(python, "-c", found) == "False\n", f"{module} is there"
        print(run(readout, "build", "--library", str(library)), end="")
        answer = run(readout, "ask", "--json", QUESTION, "--library", str(library))
        assert "Senkaku Islands" in json.loads(answer)["quotes"][0]["text"]
        assert run(readout, "--library", str(library), "verify", given=answer).startswith(
            "verified"
        )
        print(run(readout, "doctor", "--library", str(library)), end="")
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        command = [readout, "chat", "--library", str(library), "--port", str(port)]
        server = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, encoding="utf-8"
        )
        try:
            by_http = asked(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()
            _, said = server.communicate(timeout=60)
        assert by_http == json.loads(answer), said
    print("the installed package works")


def asked(url: str, server: subprocess.Popen[str]) -> object:
    """The answer to the question, when the page and its files are there too."""
    while True:
        try:
            page = urlopen(url).read().decode()
            break
        except URLError:
            if server.poll() is not None:
                raise
            time.sleep(0.2)
    for file in ("chat.css", "chat.js"):
        assert f"/static/{file}" in page
        assert urlopen(f"{url}/static/{file}").read()
    content = json.dumps({"question": QUESTION}).encode()
    request = Request(f"{url}/api/answer", content, {"content-type": "application/json"})
    return json.load(urlopen(request))


if __name__ == "__main__":
    main(sys.argv[1])
