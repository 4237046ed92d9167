"""Train the reader: on questions made from paragraphs, then on SQuAD 2.0 and readout questions.

    python -m training.train --data ../shared/data --out FOLDER

Seeded; README.md beside this file says what comes out and how long it takes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from assistant.encoder import DEFAULT_MODEL, model_folder, tokenizer_in
from assistant.followups import standalone
from assistant.lexical import tokenize
from assistant.library import SOURCES, Library
from assistant.reader import NOTHING, Reading
from assistant.types import Document, Scope, written_date
from assistant.windows import (
    STOP_WORDS,
    WORD,
    Passage,
    Window,
    Windows,
    best_span,
    place,
    stem,
)
from training.network import Network, batch
from training.pretask import Made, Maker, Source, Synonyms
from training.topics import Topics

HELD_OUT = ("Normans", "Scottish Parliament", "Islamism")  # SQuAD titles never trained on
DEVELOPMENT = Path(__file__).parent / "development.jsonl"
SEED = 20250207
RANK = 64
MADE = 60_000
TOPIC_QUESTIONS = 3_000  # an epoch
EPOCHS = 2
_PRETASK_RATE, _RATE, _HEADS_RATE = 1.5e-3, 8e-4, 5e-4
_BATCH = 32
_REFUSAL_WEIGHT = 0.5
_LEARNT = ("down", "up", "norm", "span", "hidden", "answer", "matches")
_HEADS = ("span", "hidden", "answer", "matches")
READOUTS, STATEMENTS = "white-house-readouts.jsonl.gz", "white-house-joint-statements.jsonl.gz"
_SUMMIT_DAY = "2025-02-07"  # its readout and its joint statement are for testing
_SPOKEN = ("Press ", "Remarks", "Background", "Executive", "On-the")
_NOT_PROSE = re.compile(r"(Q |Sec|\(|[A-Z .]+:)")
_MISSES, _MISSES_AN_EPOCH = 10, 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a passage, and the characters of it that answer; None if none do.

    ``golds`` are answers to score against; ``group`` is what is left out together.
    """

    question: str
    passage: Passage
    answer: tuple[int, int] | None
    golds: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A window and the tokens at which the answer starts and ends, both 0 if it has none."""

    window: Window
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scores:
    """How well answerable and unanswerable are told apart, and spans found on the answerable."""

    questions: int
    auroc: float
    f1: float
    exact: float


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file, gzipped or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return [json.loads(line) for line in text.split("\n") if line]


def squad(folder: Path) -> list[Example]:
    """The questions of a BEIR folder, each with the passage it was asked about."""
    corpus = {row["id"]: row for row in read_lines(folder / "corpus.jsonl.gz")}
    table = (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
    judged = {line.split("\t")[0]: line.split("\t")[1] for line in table}
    examples = []
    for query in read_lines(next(folder.glob("queries.jsonl*"))):
        row = corpus[judged.get(query["id"]) or query["about"]]
        answerable = query.get("answerable", True)
        answer = _locate(query["text"], row["text"], query["answers"][0]) if answerable else None
        if answerable == (answer is not None):
            passage = Passage(row["text"], row["title"])
            golds = tuple(query["answers"])
            examples.append(Example(query["text"], passage, answer, golds, row["title"]))
    return examples


def _locate(question: str, text: str, answer: str) -> tuple[int, int] | None:
    """Where the answer stands; of several places, the one with most of the question around it."""
    wanted = {stem(each) for each in WORD.findall(question.lower()) if each not in STOP_WORDS}
    best, found = -1, None
    for match in re.finditer(re.escape(answer), text):
        around = WORD.findall(text[max(0, match.start() - 80) : match.end() + 80].lower())
        score = len(wanted & {stem(each) for each in around})
        if score > best:
            best, found = score, match.span()
    return found


def _place(title: str, day: str) -> str:
    return place(title, date.fromisoformat(day) if re.fullmatch(r"\d{4}-\d\d-\d\d", day) else None)


def excluded_documents(data: Path) -> set[str]:
    """Readouts that development questions are about: neither trained on nor used as plain text."""
    found: set[str] = {row["doc"] for row in read_lines(DEVELOPMENT)}
    for row in json.loads((data / "readouts_qa_dev.json").read_text(encoding="utf-8")):
        found |= {each["doc"] for each in row["gold"]}
        found |= {row["about"]} if row.get("about") else set()
    return found


def readout_sources(data: Path, left_out: Set[str]) -> list[Source]:
    """Paragraphs of readouts and joint statements, but of these documents."""
    found = []
    for name, row in readouts_in(data).items():
        if name in left_out or _SUMMIT_DAY in name:
            continue
        where = _place(row["title"], row["date"])
        for text in row["paragraphs"]:
            if 25 <= len(text.split()) <= 130:
                found.append(Source(name, row["title"], where, text))
    return found


def sources(data: Path) -> list[Source]:
    """Paragraphs for the made questions: White House pages, readouts, statements, and SQuAD's."""
    excluded = excluded_documents(data)
    readouts = read_lines(data / "white-house-readouts.jsonl.gz")
    titles = {row["title"] for row in readouts if row["doc"] in excluded}
    found = []
    for row in read_lines(data / "white-house-120k-paragraphs.jsonl.gz"):
        title, text = row["title"], row["text"]
        summit = row["date"] == _SUMMIT_DAY and "Japan" in title
        if title in titles or title.startswith(_SPOKEN) or summit or _NOT_PROSE.match(text):
            continue
        if 25 <= len(text.split()) <= 95:
            document = row["id"].split("#")[0]
            found.append(Source(document, title, _place(title, row["date"]), text))
    statements = read_lines(data / "white-house-joint-statements.jsonl.gz")
    for rows, times in ((readouts, 3), (statements, 2)):
        for row in rows:
            if row["title"] in titles or _SUMMIT_DAY in row["doc"]:
                continue
            where = _place(row["title"], row["date"])
            for text in row["paragraphs"]:
                if 25 <= len(text.split()) <= 130:
                    found += [Source(row["doc"], row["title"], where, text)] * times
    for row in read_lines(data / "squad2_train" / "corpus.jsonl.gz"):
        if row["title"] not in HELD_OUT:
            found += [Source(row["title"], row["title"], row["title"], row["text"])] * 4
    return found


def synonyms(base: Path) -> Synonyms:
    """Near words by the base model's embeddings."""
    vectors = load_file(base / "model.safetensors")["embeddings.word_embeddings.weight"].numpy()
    tokenizer = tokenizer_in(base)
    return Synonyms([tokenizer.id_to_token(each) or "" for each in range(len(vectors))], vectors)


def readout_questions(data: Path, path: Path) -> tuple[list[Example], list[Example]]:
    """The written questions to train on, and those of every fourth document, kept apart."""
    readouts = readouts_in(data)
    examples = []
    for row in read_lines(path):
        readout = readouts[row["doc"]]
        text = readout["paragraphs"][row["paragraph"]]
        answer = None if row["start"] is None else (row["start"], row["end"])
        golds = (text[slice(*answer)],) if answer else ()
        passage = Passage(text, _place(readout["title"], readout["date"]))
        # A follow-up is read as it was asked and as it is searched.
        for question in dict.fromkeys([row["question"], standing_alone(row, readout)]):
            examples.append(Example(question, passage, answer, golds, row["doc"]))
    kept = kept_documents(each.group for each in examples)
    return (
        [each for each in examples if each.group not in kept],
        [each for each in examples if each.group in kept],
    )


def standing_alone(row: Mapping[str, Any], readout: Mapping[str, Any]) -> str:
    """A written question; one with a history as it is searched after that."""
    question: str = row["question"]
    if "history" not in row:
        return question
    title = readout["title"]
    words = frozenset(tokenize(" ".join([title, *readout["paragraphs"]])))
    day = date.fromisoformat(readout["date"]) if readout["date"] else None
    named = f"{title} ({written_date(day)})" if day else title
    return standalone(question, row["history"], named, words).text


def kept_documents(documents: Iterable[str]) -> set[str]:
    """Every fourth document: what the reader never trains on."""
    return set(sorted(set(documents))[::4])


def readouts_in(data: Path) -> dict[str, dict[str, Any]]:
    """The rows of all readouts and joint statements, by name."""
    rows = (row for name in (READOUTS, STATEMENTS) for row in read_lines(data / name))
    return {row["doc"]: row for row in rows}


def library_of(files: Iterable[Path], folder: Path) -> Library:
    """A library in ``folder`` of these gzipped collections, built."""
    sources = folder / SOURCES
    sources.mkdir(parents=True, exist_ok=True)
    for each in files:
        (sources / each.stem).write_bytes(gzip.decompress(each.read_bytes()))
    library = Library.open(folder)
    library.build()
    return library


def documents_of(library: Library) -> dict[str, Document]:
    """The documents of ``library`` by name; their texts are still on disk."""
    return {name_of(each): each for each in library.index.headers}


def name_of(document: Document) -> str:
    """The name by which questions know a document: its id, or its own in a collection."""
    return document.id.rpartition("#")[2]


def near_misses(library: Library, data: Path, examples: Sequence[Example]) -> list[list[Passage]]:
    """For each question the passages that retrieval finds first and that don't answer it.

    They are of the whole library where the question says which meeting it is about, else of its own
    document, and never of a document that development questions are about.
    """
    excluded = excluded_documents(data)
    known = documents_of(library)

    def of(each: Example) -> list[Passage]:
        if each.group not in known:
            return []
        scope = Scope() if says_which(each.question) else Scope(documents=(known[each.group].id,))
        answer = each.golds[0].casefold() if each.golds else None
        misses = []
        for hit in library.retrieve(each.question, k=_MISSES, scope=scope):
            text = hit.paragraph.text
            if name_of(hit.document) in excluded or text == each.passage.text:
                continue
            if answer is None or answer not in text.casefold():
                misses.append(Passage.of(hit.document, hit.paragraph))
        return misses

    library.load()
    with ThreadPoolExecutor(2) as both:
        return list(both.map(of, examples))


def says_which(question: str) -> bool:
    """Whether a question names a person, place or time, so that it is about one meeting or few."""
    words = question.split()
    names = sum(each[:1].isupper() for each in words[1:])
    return names >= 2 or bool(re.search(r"\b20\d\d\b", question))


def with_misses(
    examples: Sequence[Example], misses: Sequence[Sequence[Passage]], choices: random.Random
) -> list[Example]:
    """Each question with some of its near misses, more often with the nearer."""
    wrong = []
    for each, passages in zip(examples, misses, strict=True):
        chosen = {min(int(choices.expovariate(0.4)), _MISSES) for _ in range(_MISSES_AN_EPOCH)}
        some = [passages[number] for number in sorted(chosen) if number < len(passages)]
        wrong += [Example(each.question, passage, None) for passage in some]
    return wrong


def examples_of(made: Iterable[Made]) -> list[Example]:
    """Made questions as examples."""
    return [Example(each.question, each.passage, each.answer) for each in made]


def rows_of(windows: Windows, examples: Iterable[Example], choices: random.Random) -> list[Row]:
    """The first window that has the answer, and half of those without; any if it has none."""
    rows = []
    for each in examples:
        parts = windows.of(each.question, each.passage)
        if each.answer is None:
            rows.append(Row(choices.choice(parts), 0, 0))
            continue
        start, end = each.answer
        located = False
        for part in parts:
            ends = [offset[1] for offset in part.offsets]
            first = next((token for token, stop in enumerate(ends) if stop > start), None)
            last = next((token for token, stop in enumerate(ends) if stop >= end), None)
            if first is not None and last is not None and part.offsets[first][0] <= start:
                if not located:
                    rows.append(Row(part, part.first + first, part.first + last))
                located = True
            elif (first is None or part.offsets[0][0] >= end) and choices.random() < 0.5:
                rows.append(Row(part, 0, 0))
    return rows


def _batches(rows: Sequence[Row], choices: random.Random) -> list[list[Row]]:
    """Shuffled batches of rows of about the same length."""
    lengths = [len(each.window.ids) + choices.random() * 12 for each in rows]
    order = sorted(range(len(rows)), key=lambda each: lengths[each])
    batches = [
        [rows[each] for each in order[first : first + _BATCH]]
        for first in range(0, len(order), _BATCH)
    ]
    choices.shuffle(batches)
    return batches


def train(
    network: Network,
    stages: Sequence[Callable[[], list[Row]]],
    *,
    rate: float,
    warm: float,
    choices: random.Random,
    name: str,
) -> None:
    """One pass over the rows of each stage, with one slope of the learning rate over all."""
    plans = [_batches(stage(), choices) for stage in stages]
    total = sum(map(len, plans))
    trained = [(key, value) for key, value in network.named_parameters() if value.requires_grad]
    heads = [value for key, value in trained if key.split(".")[0] in _HEADS]
    body = [value for key, value in trained if key.split(".")[0] not in _HEADS]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": rate}, {"params": heads, "lr": max(rate, _HEADS_RATE)}],
        weight_decay=0.01,
        betas=(0.9, 0.98),
    )

    def slope(step: int) -> float:
        falling = (total - step) / (total * (1 - warm))
        return min((step + 1) / (warm * total), max(0.02, falling))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, slope)
    network.train()
    began, losses = time.monotonic(), []
    for step, rows in enumerate((rows for plan in plans for rows in plan), start=1):
        start, end, answer = network(*batch([each.window for each in rows]))
        first = torch.tensor([each.start for each in rows])
        last = torch.tensor([each.end for each in rows])
        span = (functional.cross_entropy(start, first) + functional.cross_entropy(end, last)) / 2
        refusal = functional.binary_cross_entropy_with_logits(answer, (first > 0).float())
        (span + _REFUSAL_WEIGHT * refusal).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(body + heads, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append((span.item(), refusal.item()))
        if step % 100 == 0 or step == total:
            means = np.mean(losses, axis=0)
            seconds = time.monotonic() - began
            _log.info(
                "%s %d/%d: span %.3f, refusal %.3f, %.0f s", name, step, total, *means, seconds
            )
            losses.clear()
    network.eval()


@torch.inference_mode()
def read(network: Network, windows: Windows, examples: Sequence[Example]) -> list[Reading]:
    """A reading of each example, by batches of like length, in the network's precision."""
    parts = [
        (number, window)
        for number, each in enumerate(examples)
        for window in windows.of(each.question, each.passage)
    ]
    parts.sort(key=lambda part: len(part[1].ids))
    readings = [NOTHING] * len(examples)
    for first in range(0, len(parts), 2 * _BATCH):
        some = parts[first : first + 2 * _BATCH]
        logits = network(*batch([window for _, window in some]))
        starts, ends, answers = (each.float().numpy() for each in logits)
        for row, (number, window) in enumerate(some):
            span = best_span(starts[row], ends[row], window)
            if span and answers[row] > readings[number].answerable:
                readings[number] = Reading(*span, float(answers[row]))
    return readings


def f1(guess: str, golds: Sequence[str]) -> float:
    """SQuAD's F1 of words, against the best of ``golds``."""

    def words(text: str) -> list[str]:
        plain = re.sub(r"[^\w\s]", "", text.lower()).split()
        return [each for each in plain if each not in ("a", "an", "the")]

    best, guessed = 0.0, words(guess)
    for gold in map(words, golds):
        common = sum(min(guessed.count(each), gold.count(each)) for each in set(guessed))
        if common:
            best = max(best, 2 * common / (len(guessed) + len(gold)))
    return best


def evaluate(network: Network, windows: Windows, examples: Sequence[Example]) -> Scores:
    """The scores on ``examples``, with answerable and unanswerable ones among them."""
    readings = read(network, windows, examples)
    spans = [
        f1(each.passage.text[found.start : found.end], each.golds)
        for each, found in zip(examples, readings, strict=True)
        if each.answer
    ]
    return Scores(
        questions=len(examples),
        auroc=roc_auc_score(
            [bool(each.answer) for each in examples], [each.answerable for each in readings]
        ),
        f1=float(np.mean(spans)),
        exact=float(np.mean([each == 1 for each in spans])),
    )


def from_made_questions(
    data: Path, windows: Windows, base: Path, count: int
) -> dict[str, torch.Tensor]:
    """What is learnt from questions made from paragraphs, in half precision."""
    torch.manual_seed(SEED)
    choices = random.Random(SEED)  # noqa: S311  # chooses examples, no secrets
    network = prepare(base)
    made = Maker(sources(data), synonyms(base), choices).make(count)
    rows = rows_of(windows, examples_of(made), choices)
    train(network, [lambda: rows], rate=_PRETASK_RATE, warm=0.05, choices=choices, name="made")
    return network.trained()


def prepare(base: Path) -> Network:
    """The network to train: the base with low-rank updates, everything else of it frozen."""
    network = Network()
    network.load_base(base / "model.safetensors")
    network.add_rank(RANK)
    network.precision = torch.bfloat16
    for name, parameter in network.named_parameters():
        parameter.requires_grad = any(part.startswith(_LEARNT) for part in name.split("."))
    return network


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Train, score on what was left out, and write ``reader.safetensors`` and ``training.json``."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--questions", type=Path, default=here / "questions.jsonl")
    parser.add_argument("--made", type=int, default=MADE, help="questions made from paragraphs")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the questions, for a learning curve"
    )
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(exist_ok=True, parents=True)
    base = model_folder(DEFAULT_MODEL)
    windows = Windows(tokenizer_in(base))
    made = given.out / "made.safetensors"
    if not made.exists():
        save_file(from_made_questions(given.data, windows, base, given.made), made)
    torch.manual_seed(SEED)
    choices = random.Random(SEED)  # noqa: S311  # chooses examples, no secrets
    network = prepare(base)
    learnt = {name: values.float() for name, values in load_file(made).items()}
    network.load_state_dict(learnt, strict=False)

    every = squad(given.data / "squad2_train")
    asked = [each for each in every if each.group not in HELD_OUT]
    choices.shuffle(asked)
    asked = asked[: int(len(asked) * given.share)]
    left_out = [each for each in every if each.group in HELD_OUT]
    written, kept = readout_questions(given.data, given.questions)
    if given.share < 1:
        documents = sorted({each.group for each in written})
        some = set(choices.sample(documents, int(len(documents) * given.share)))
        written = [each for each in written if each.group in some]
    library = library_of([given.data / READOUTS], given.out / "library")
    misses = near_misses(library, given.data, written)
    left_out_documents = excluded_documents(given.data) | {each.group for each in kept}
    topics = Topics(readout_sources(given.data, left_out_documents), synonyms(base), choices)

    def stage() -> list[Row]:
        wrong = with_misses(written, misses, choices)
        plain = examples_of(topics.make(int(TOPIC_QUESTIONS * given.share)))
        return rows_of(windows, [*asked, *written, *wrong, *plain], choices)

    train(network, [stage] * EPOCHS, rate=_RATE, warm=0.1, choices=choices, name="asked")
    save_file(network.learnt(), given.out / "reader.safetensors")
    kept_misses = [
        Example(each.question, passage, None)
        for each, passages in zip(kept, near_misses(library, given.data, kept), strict=True)
        for passage in passages[:2]
    ]
    scores = {
        "squad2_train, titles left out": evaluate(network, windows, left_out),
        "readout questions, documents left out": evaluate(network, windows, kept),
        "the same and two near misses each": evaluate(network, windows, [*kept, *kept_misses]),
    }
    files = [base / "model.safetensors", given.questions, given.out / "reader.safetensors"]
    files += sorted((given.data / "squad2_train").iterdir())
    files += sorted(given.data.glob("white-house-*"))
    record = {
        "seed": SEED,
        "made": given.made,
        "share": given.share,
        "asked": {"squad2_train": len(asked), "readout questions": len(written)},
        "torch": torch.__version__,
        "scores": {name: asdict(each) for name, each in scores.items()},
        "sha256": {f"{each.parent.name}/{each.name}": _digest(each) for each in files},
    }
    text = json.dumps(record, indent=1)
    (given.out / "training.json").write_text(text + "\n", encoding="utf-8")
    _log.info("%s", text)


if __name__ == "__main__":
    main()
