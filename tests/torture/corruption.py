"""Every file of an index is damaged in every way, and every field of a quote is altered."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from assistant.errors import ReadoutError
from assistant.index import FORMAT, MANIFEST
from assistant.library import INDEX, SOURCES
from assistant.types import Quote
from tests.torture import Row, processes
from tests.torture.states import changed, leftovers, outcome, put, scratch, state, toy

Damage = Callable[[random.Random, bytes, bytes], bytes]


def _flipped(random_: random.Random, content: bytes, _: bytes) -> bytes:
    place = random_.randrange(len(content))
    changed_ = bytearray(content)
    changed_[place] ^= 1 << random_.randrange(8)
    return bytes(changed_)


def _overwritten(random_: random.Random, content: bytes, _: bytes) -> bytes:
    start = random_.randrange(len(content))
    end = random_.randint(start + 1, len(content))
    return content[:start] + random_.randbytes(end - start) + content[end:]


DAMAGE: dict[str, Damage] = {
    "truncated": lambda random_, content, _: content[: random_.randrange(len(content))],
    "emptied": lambda *_: b"",
    "one bit flipped": _flipped,
    "partly overwritten": _overwritten,
    "replaced by noise": lambda random_, content, _: random_.randbytes(len(content)),
    "replaced by zeros": lambda _, content, __: bytes(len(content)),
    "with more at its end": lambda random_, content, _: content + random_.randbytes(9),
    "of another library": lambda _, __, foreign: foreign,
}


def damaged_files(random_: random.Random, runs: int) -> Row:
    """Each file of an index in each way of ``DAMAGE``, ``runs`` times over.

    The index must then be refused with the file's name and the way out, or serve as before; the
    next build must heal it. They are looked at in processes of their own, which may not die.
    """
    losses: list[str] = []
    faults = 0
    kinds: set[str] = set()
    with scratch() as folder, scratch() as other:
        for run in range(runs):
            files = state(random_, 8)
            for each, its in ((folder, files), (other, changed(random_, files))):
                shutil.rmtree(each / INDEX, ignore_errors=True)
                put(each, its)
                toy(each).build()
            sound = outcome(folder)
            for kind, foreign in sorted(_files(other).items()):
                path = _files(folder).get(kind)  # a new one when it was healed
                if path is None or not path.stat().st_size:
                    continue
                kinds.add(kind)
                content = path.read_bytes()
                worse = {
                    name: damage(random_, content, foreign.read_bytes())
                    for name, damage in DAMAGE.items()
                }
                worse = {name: each for name, each in worse.items() if each != content}
                faults += len(worse)
                looked = processes.run(_look, folder, path, list(worse.values()))
                if looked.code or looked.error:
                    losses.append(f"run {run}: {kind}: {looked}")
                for name, fault in zip(worse, looked.value or (), strict=False):
                    if fault:
                        losses.append(f"run {run}: {kind} {name}: {fault}")
                path.write_bytes(random_.choice(list(worse.values())))
                toy(folder).build()
                if outcome(folder) != sound:
                    losses.append(f"run {run}: {kind}: the next build did not heal it")
                if left := leftovers(folder):
                    losses.append(f"run {run}: {kind}: left over: {left}")
    return Row("damage to index files", runs, faults, tuple(losses), f"{len(kinds)} kinds of file")


def _look(folder: Path, path: Path, contents: list[bytes]) -> list[str]:
    """What is wrong when ``path`` has each of ``contents``, empty for nothing."""
    sound, content = outcome(folder), path.read_bytes()
    faults = []
    for each in contents:
        path.write_bytes(each)
        found = outcome(folder)
        named = isinstance(found, str) and str(folder / INDEX) in found
        told = named and "readout build" in str(found)
        faults.append("" if found == sound or told else str(found)[:200])
    path.write_bytes(content)
    return faults


def _files(folder: Path) -> dict[str, Path]:
    """The index's files by their names without what is different in each build."""
    found: dict[str, Path] = {}
    for path in sorted((folder / INDEX).rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            within = path.relative_to(folder / INDEX)
            parts = [
                "generation" if each.startswith("generation-") else each for each in within.parts
            ]
            if len(path.stem) == 32:  # tantivy names its segments by chance
                parts[-1] = f"segment{path.suffix}"
            found["/".join(parts)] = path
    return found


def other_manifests(random_: random.Random, runs: int) -> Row:
    """Manifests of other versions, and ones altered with a right digest of their own."""
    losses: list[str] = []
    with scratch() as folder:
        put(folder, state(random_, 4))
        toy(folder).build()
        sound = outcome(folder)
        manifest = folder / INDEX / MANIFEST
        for run in range(runs):
            content = json.loads(manifest.read_bytes())
            fields = content["manifest"]
            match run % 4:
                case 0:
                    fields["kind"]["format"] = FORMAT + 1
                case 1:
                    fields["from a newer version"] = True
                case 2:
                    name = random_.choice(sorted(fields))
                    fields[name] = random_.choice([None, [], {}, "", -1, 1 << 70, "../..", [[[]]]])
                case 3:
                    del fields[random_.choice(sorted(fields))]
            from assistant.index import _json_digest  # as a newer version or a person would sign

            manifest.write_text(json.dumps({"sha256": _json_digest(fields), "manifest": fields}))
            looked = processes.run(outcome, folder, at_most=60)
            if looked.code or looked.error:
                losses.append(f"run {run}: {looked}")
            elif looked.value != sound and "readout build" not in str(looked.value)[-200:]:
                losses.append(f"run {run}: {str(looked.value)[:300]}")
            rebuilt = processes.run(_build, folder)
            if rebuilt.error or outcome(folder) != sound:
                losses.append(f"run {run}: the next build did not heal it: {rebuilt.error}")
    return Row("manifests of other versions", runs, runs, tuple(losses))


def _build(folder: Path) -> None:
    toy(folder).build()


def altered_quotes(random_: random.Random, runs: int) -> Row:
    """Quotes whose fields were altered one at a time: none may be verified, none may crash."""
    losses: list[str] = []
    faults = 0
    strange = ["", "../x", "a\0b", "\ud800", "x" * 5000, -1, 0, 1 << 80, 1.5, True, None, [], {}]
    with scratch() as folder:
        put(folder, state(random_, 8))
        library = toy(folder)
        library.build()
        hits = [hit for word in ("alpha", "bravo", "not") for hit in library.retrieve(word, k=9)]
        for run in range(runs):
            quote = random_.choice(hits).quote
            if not library.verify(quote):
                losses.append(f"run {run}: a true quote is not verified: {library.verify(quote)}")
            fields = quote.as_dict()
            # How a paragraph is addressed is not part of what a reader is told; and a quote of an
            # earlier text of the file, or of another extractor's, is verified in words that say so.
            loose = {"citation", "paragraph_id", "sha256", "source_sha256", "extractor"}
            name = random_.choice(sorted(fields.keys() - loose))
            value = random_.choice([*strange, f"{fields[name]}x", fields["start"] + 1])
            if value == fields[name] and type(value) is type(fields[name]):
                continue
            faults += 1
            try:
                altered = Quote.from_dict(fields | {name: value})
            except (KeyError, TypeError, ValueError):
                continue
            try:
                if altered != quote and library.verify(altered):
                    losses.append(f"run {run}: verified with {name} {value!r}")
            except Exception as error:
                losses.append(f"run {run}: {name} {value!r}: {type(error).__name__}: {error}")
    return Row("altered quotes", runs, faults, tuple(losses))


def edited_sources(random_: random.Random, runs: int) -> Row:
    """Source files edited after the build: seen as stale, and their quotes told apart."""
    losses: list[str] = []
    with scratch() as folder:
        put(folder, state(random_, 8))
        library = toy(folder)
        library.build()
        for run in range(runs):
            quote = random_.choice(library.retrieve(random_.choice(["alpha", "echo"]), k=9)).quote
            path = folder / SOURCES / quote.path
            before = path.read_bytes()
            words = before.decode()
            place = random_.randrange(len(words))
            edited = words[:place] + random_.choice(["", "x", " not ", "\n\n"]) + words[place + 1 :]
            path.write_text(edited, encoding="utf-8", newline="")
            if edited != words and quote.path not in library.stale():
                losses.append(f"run {run}: {quote.path} is not stale")
            stands = edited[quote.start : quote.end] == quote.text
            try:
                verified = bool(library.verify(quote))
            except ReadoutError as error:
                losses.append(f"run {run}: {error}")
                continue
            if verified and not stands:
                losses.append(f"run {run}: verified words that are gone")
            path.write_bytes(before)
    return Row("edited sources", runs, runs, tuple(losses))
