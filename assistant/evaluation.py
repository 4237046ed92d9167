"""Measuring: a question set put to the assistant and, beside it, to plain baselines.

A question set is a file of questions, each a JSON object, one a line or in one list:

    {"id": "a1", "type": "who", "question": "...", "history": ["earlier question", ...],
     "answerable": true, "gold": [{"doc": "document id", "paragraph": 3, "span": "exact words"}]}

or a folder in BEIR form (corpus.jsonl, queries.jsonl, qrels.tsv; each may be gzipped), whose
passages then are the library. Ranking metrics come from ir-measures, the area under the ROC curve
from scikit-learn, and 95 % confidence intervals from SciPy's percentile bootstrap, seeded.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from assistant.answering import best_sentences, close_sentences, readings_of
from assistant.building import Build, in_context
from assistant.encoder import FloatArray, load_encoder
from assistant.errors import ReadoutError
from assistant.lexical import terms_of
from assistant.library import INDEX, Library
from assistant.paragraphs import plain_blocks, split
from assistant.types import Document, Outcome, Paragraph, Quote

DEPTH = 100  # units ranked for each question
ERROR_RATE = 0.1
_QUOTES = 3
_COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_ALL = "all"
_RRF = 60
_RESAMPLES = 1000


class QuestionSetError(ReadoutError):
    """A question set can't be read."""


@dataclass(frozen=True, slots=True)
class Gold:
    """Where an answer stands: a document, and its paragraph (from 1) and words if known."""

    document: str
    paragraph: int = 0
    span: str = ""

    def is_in(self, document: str, paragraph: int) -> bool:
        return self.is_of(document) and self.paragraph in {0, paragraph}

    def is_of(self, document: str) -> bool:
        """Whether that document is meant: by its id, or by its own name in a collection."""
        return self.document in {document, document.partition("#")[2]}


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what a person found to be its answers; none if there is no answer."""

    id: str
    text: str
    type: str
    history: tuple[str, ...] = ()
    gold: tuple[Gold, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What one system did with one question.

    ``ranking`` says of each unit found, best first, whether it is an answer's, ``relevant`` how
    many there are to find; ``quotes`` says of the first quotes whether they hold an answer's words.
    The first ``given`` of these are the answer, if there is one. Higher ``confidence`` means that
    it is more likely to be right.
    """

    question: Question
    ranking: tuple[bool, ...]
    relevant: int
    quotes: tuple[bool, ...]
    confidence: float
    answered: bool
    searched_for: str
    given: int = 1

    @property
    def right(self) -> bool:
        """Whether one of the quotes that it gives, or would give, holds an answer's words."""
        return any(self.quotes[: self.given])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions and its 95 % confidence interval."""

    value: float
    low: float
    high: float


Found = Sequence[tuple[int, float]]  # paragraph numbers and scores, best first


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions in a file of JSON objects, or in a BEIR folder."""
    try:
        if path.is_dir():
            questions = _beir_questions(path)
        else:
            text = _text(path)
            rows = json.loads(text) if text.lstrip().startswith("[") else _rows(text)
            questions = tuple(_question(row) for row in rows)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise QuestionSetError(f"{path} can't be read as a question set: {error!r}") from error
    if not questions:
        raise QuestionSetError(f"{path} has no questions")
    return questions


def beir_documents(folder: Path) -> tuple[Document, ...]:
    """The passages of a BEIR folder, each a document."""
    documents = []
    for row in _rows(_text(folder / "corpus.jsonl")):
        name, text = row.get("id") or row["_id"], row["text"]
        digest = hashlib.sha256(text.encode()).hexdigest()
        paragraphs, _ = split(text, plain_blocks(text))
        documents.append(
            Document(
                name, name, row.get("title", ""), None, "", "", text, digest, digest, paragraphs
            )
        )
    return tuple(sorted(documents, key=lambda each: each.id))


@contextmanager
def library_of(questions: Path, otherwise: Callable[[], Library]) -> Iterator[Library]:
    """What ``questions`` are asked of: a BEIR folder's passages for as long as needed, or else."""
    if not questions.is_dir():
        yield otherwise()
        return
    with TemporaryDirectory() as temporary:
        library = Library(Path(temporary))
        (library.folder / INDEX).mkdir()
        with Build(library.folder / INDEX, load_encoder(), None) as build:
            for document in beir_documents(questions):
                build.add(document)
            build.finish({})
        yield library


def run(
    library: Library, questions: Sequence[Question], *, by_document: bool
) -> dict[str, list[Response]]:
    """The responses of the assistant and of the baselines, by system.

    A unit of retrieval is a paragraph, or with ``by_document`` a document at its best paragraph.
    """
    plain = _Baselines(library, by_document)
    return {
        "readout": [respond(library, each, by_document=by_document) for each in questions],
        "BM25": [plain.respond(each, plain.bm25(each)) for each in questions],
        "cosine": [plain.respond(each, plain.cosine(each)) for each in questions],
        "BM25 + cosine": [plain.respond(each, plain.fusion(each)) for each in questions],
    }


def timing(library: Library, questions: Sequence[Question]) -> dict[str, float]:
    """Median milliseconds of a question that was not asked before, and of its encoder's share."""
    fresh = Library(library.folder, library.encoder, library.maximum_error)  # remembers none
    fresh.load()

    def median(work: Callable[[str], object]) -> float:
        times = []
        for question in questions:
            start = perf_counter()
            work(question.text)
            times.append(perf_counter() - start)
        return float(np.median(times)) * 1000

    return {
        "answer": median(fresh.answer),
        "encoder": median(lambda text: list(fresh.encoder.encode([text], question=True))),
    }


def report(responses: dict[str, list[Response]], times: dict[str, float]) -> dict[str, Any]:
    """The metrics as JSON types: ranking by question type and system, refusal by system."""
    ranking: dict[str, dict[str, Any]] = {}
    kinds = {each.question.type for each in responses["readout"]} | {_ALL}
    for kind in sorted(kinds):
        for system, all_of_it in responses.items():
            some = [each for each in all_of_it if kind in {_ALL, each.question.type}]
            metrics = ranking_metrics(some)
            if metrics:
                rows = ranking.setdefault(
                    f"{kind} ({sum(bool(x.question.gold) for x in some)})", {}
                )
                rows[system] = {name: asdict(value) for name, value in metrics.items()}
    refusal = {system: refusal_metrics(each) for system, each in responses.items()}
    refusal = {system: each for system, each in refusal.items() if each}
    return {
        "ranking": ranking,
        "refusal": refusal,
        "risk": {system: risks(responses[system]) for system in refusal},
        "milliseconds": times,
    }


def table(report: dict[str, Any]) -> str:
    """The report as Markdown tables, each ranking figure with its 95 % confidence interval."""
    lines = []
    for kind, rows in report["ranking"].items():
        names = list(next(iter(rows.values())))
        lines += _header([kind, *names])
        for system, metrics in rows.items():
            cells = [
                f"{each['value']:.3f} ({each['low']:.2f}-{each['high']:.2f})"
                for each in metrics.values()
            ]
            lines.append(_row([system, *cells]))
        lines.append("")
    for part, heading in (("refusal", "refusal"), ("risk", "wrong if answered are the surest")):
        if report[part]:
            names = list(next(iter(report[part].values())))
            lines += _header([heading, *names])
            for system, metrics in report[part].items():
                lines.append(_row([system, *(f"{value:.3f}" for value in metrics.values())]))
            lines.append("")
    times = report["milliseconds"]
    lines.append(
        f"A question takes {times['answer']:.0f} ms (median), "
        f"of which the encoder {times['encoder']:.0f} ms."
    )
    return "\n".join(lines)


def respond(library: Library, question: Question, *, by_document: bool = False) -> Response:
    """The assistant's response; the units found are paragraphs, or documents."""
    answer = library.answer(question.text, history=question.history)
    readings = readings_of(question.text, answer.searched_for, answer.hits, library.reader)
    hits = library.retrieve(question.text, history=question.history, k=DEPTH)
    return _response(
        question,
        [(hit.document, hit.paragraph) for hit in hits],
        best_sentences(answer.hits, readings)[:_QUOTES],
        given=len(close_sentences(answer.hits, readings)),
        by_document=by_document,
        confidence=answer.confidence,
        answered=answer.outcome is Outcome.ANSWERED,
        searched_for=answer.searched_for,
    )


class _Baselines:
    """Plain searches of a library's paragraphs, each with its title and date."""

    def __init__(self, library: Library, by_document: bool) -> None:
        self._lexical = library.index.lexical
        self._by_document = by_document
        self._parts = [(each, part) for each in library.documents for part in each.paragraphs]
        self._encoder = library.encoder
        self._vectors: dict[str, FloatArray] = {}  # many texts are asked for more than once
        texts = [in_context(*part) for part in self._parts]
        self._matrix = np.array([each.vector for each in self._encoder.encode(texts)])

    def bm25(self, question: Question) -> Found:
        return self._lexical.search(terms_of(question.text), DEPTH)

    def cosine(self, question: Question) -> Found:
        scores = self._matrix @ self._vector(question.text, question=True)
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        return [(int(each), float(scores[each])) for each in best]

    def fusion(self, question: Question) -> Found:
        """Reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""
        scores: dict[int, float] = {}
        for ranking in (self.bm25(question), self.cosine(question)):
            for rank, (paragraph, _) in enumerate(ranking, start=1):
                scores[paragraph] = scores.get(paragraph, 0.0) + 1 / (_RRF + rank)
        fused = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return fused[:DEPTH]

    def respond(self, question: Question, found: Found) -> Response:
        """The response with the closest sentences by cosine of its first hits as quotes."""
        asked = self._vector(question.text, question=True)
        quotes = []
        for number, _ in found[:_QUOTES]:
            document, paragraph = self._parts[number]
            cosines = [self._vector(each.text) @ asked for each in paragraph.sentences]
            closest = paragraph.sentences[int(np.argmax(cosines))]
            quotes.append(Quote.of(document, paragraph, closest))
        return _response(
            question,
            [self._parts[number] for number, _ in found],
            quotes,
            by_document=self._by_document,
            confidence=found[0][1] if found else 0.0,
            answered=bool(found),
            searched_for=question.text,
        )

    def _vector(self, text: str, question: bool = False) -> FloatArray:
        if text not in self._vectors:
            (encoding,) = self._encoder.encode([text], question=question)
            self._vectors[text] = encoding.vector
        return self._vectors[text]


def _response(
    question: Question,
    parts: Iterable[tuple[Document, Paragraph]],
    quotes: Iterable[Quote],
    *,
    by_document: bool,
    confidence: float,
    answered: bool,
    searched_for: str,
    given: int = 1,
) -> Response:
    gold = question.gold
    units: dict[object, bool] = {}
    for document, paragraph in parts:
        unit = document.id if by_document else (document.id, paragraph.number)
        is_gold = any(each.is_in(document.id, paragraph.number) for each in gold)
        units[unit] = units.get(unit, False) or is_gold
    return Response(
        question,
        ranking=tuple(units.values()),
        relevant=len({each.document if by_document else each for each in gold}),
        quotes=tuple(
            any(each.is_of(quote.document) and each.span in quote.text for each in gold)
            for quote in quotes
        ),
        confidence=confidence,
        answered=answered,
        searched_for=searched_for,
        given=given,
    )


def ranking_metrics(responses: Sequence[Response]) -> dict[str, Estimate]:
    """nDCG, recall, reciprocal rank and quote accuracy over the answerable questions."""
    import ir_measures  # an extra's
    from ir_measures import RR, R, nDCG

    answerable = [each for each in responses if each.question.gold]
    if not answerable:
        return {}
    measures = {"nDCG@10": nDCG @ 10, "R@1": R @ 1, "R@5": R @ 5, "R@10": R @ 10, "MRR": RR @ 10}
    qrels, run = [], []
    for response in answerable:
        name = response.question.id
        for rank, relevant in enumerate(response.ranking):
            run.append(ir_measures.ScoredDoc(name, f"rank{rank:03d}", float(-rank)))
            if relevant:
                qrels.append(ir_measures.Qrel(name, f"rank{rank:03d}", 1))
        missed = response.relevant - sum(response.ranking)
        qrels += [ir_measures.Qrel(name, f"missed{each}", 1) for each in range(missed)]
    values: dict[str, dict[str, float]] = {name: {} for name in measures}
    names = {measure: name for name, measure in measures.items()}
    for metric in ir_measures.iter_calc(list(names), qrels, run):
        values[names[metric.measure]][metric.query_id] = metric.value
    ids = [each.question.id for each in answerable]
    table = {name: [by_id.get(each, 0.0) for each in ids] for name, by_id in values.items()}
    if any(gold.span for response in answerable for gold in response.question.gold):
        table["quote@1"] = [float(any(each.quotes[:1])) for each in answerable]
        table["quote@3"] = [float(any(each.quotes[:_QUOTES])) for each in answerable]
    return {name: _estimate(scores) for name, scores in table.items()}


def refusal_metrics(responses: Sequence[Response]) -> dict[str, float]:
    """How well answerable and unanswerable questions are told apart; empty without both kinds.

    AUROC is of ``confidence``; *answered* and *refused* are shares of the answerable and of the
    unanswerable; *wrong* is the share of answers given that don't hold an answer's words, and
    *coverage* the share of all questions that could be answered with at most ``ERROR_RATE`` wrong.
    """
    from sklearn.metrics import roc_auc_score  # an extra's

    has_answer = np.array([bool(each.question.gold) for each in responses])
    if has_answer.all() or not has_answer.any():
        return {}
    answered = np.array([each.answered for each in responses])
    right = np.array([each.right for each in responses])
    confidence = np.array([each.confidence for each in responses])
    coverage, risk = risk_coverage(responses)
    allowed = coverage[risk <= ERROR_RATE]
    return {
        "AUROC": float(roc_auc_score(has_answer, confidence)),
        "answered": float(answered[has_answer].mean()),
        "refused": float(1 - answered[~has_answer].mean()),
        "wrong": float((answered & ~right).sum() / max(answered.sum(), 1)),
        "coverage": float(allowed.max(initial=0.0)),
        "calibration error": calibration_error(confidence, right),
    }


def risks(responses: Sequence[Response]) -> dict[str, float]:
    """Points of the risk-coverage curve, each risk under its coverage."""
    coverage, risk = risk_coverage(responses)
    places = [np.searchsorted(coverage, each - 1e-6) for each in _COVERAGES]
    return {
        f"{each:.0%}": float(risk[place]) for each, place in zip(_COVERAGES, places, strict=True)
    }


def risk_coverage(responses: Sequence[Response]) -> tuple[FloatArray, FloatArray]:
    """Coverage and risk when the n most confident answers are given, for n = 1, 2, and so on.

    Coverage is the share of questions answered, risk that of these whose quotes are wrong
    (El-Yaniv and Wiener, 2010).
    """
    ordered = sorted(responses, key=lambda each: -each.confidence)
    given = np.arange(1, len(ordered) + 1)
    wrong = np.cumsum([not each.right for each in ordered])
    return (given / len(ordered)).astype(np.float32), (wrong / given).astype(np.float32)


def calibration_error(confidence: FloatArray, right: FloatArray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width (Naeini et al., 2015)."""
    which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    gaps = [
        abs(float(confidence[which == each].mean() - right[which == each].mean()))
        * float((which == each).mean())
        for each in np.unique(which)
    ]
    return sum(gaps)


def plot(responses: Mapping[str, Sequence[Response]], path: Path) -> None:
    """Write the recall and the risk-coverage curve of each system to an image at ``path``."""
    from matplotlib.figure import Figure  # an extra's

    figure = Figure(figsize=(10, 4), layout="constrained")
    recall, risk = figure.subplots(1, 2)
    for name, each in responses.items():
        answerable = [one for one in each if one.question.gold]
        found = [[any(one.ranking[:k]) for one in answerable] for k in range(1, 21)]
        recall.plot(range(1, 21), np.mean(found, axis=1), label=name)
        risk.plot(*risk_coverage(each), label=name)
    recall.set(xlabel="k", ylabel="questions with a gold unit in the first k", ylim=(0, 1.02))
    risk.set(xlabel="coverage", ylabel="risk: wrong among answers given", ylim=(0, 1.02))
    recall.legend()
    figure.savefig(path)


def _header(cells: Sequence[str]) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _estimate(scores: Sequence[float]) -> Estimate:
    from scipy.stats import bootstrap  # an extra's

    mean = float(np.mean(scores))
    if len(set(scores)) == 1:
        return Estimate(mean, mean, mean)
    interval = bootstrap(
        (np.array(scores),), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=0
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))


def _question(row: dict[str, Any]) -> Question:
    turns = (
        {"role": "user", "content": each} if isinstance(each, str) else each
        for each in row.get("history", [])
    )
    history = [each["content"] for each in turns if each["role"] == "user"]
    gold = [
        Gold(
            each["doc"],
            each["paragraph"] if "paragraph" in each else each["paragraph_index"] + 1,
            each.get("span", ""),
        )
        for each in row["gold"]
    ]
    return Question(row["id"], row["question"], row["type"], tuple(history), tuple(gold))


def _beir_questions(folder: Path) -> tuple[Question, ...]:
    gold: dict[str, list[Gold]] = {}
    for row in csv.DictReader(_text(folder / "qrels.tsv").splitlines(), delimiter="\t"):
        if int(row["score"]) > 0:
            gold.setdefault(row["query-id"], []).append(Gold(row["corpus-id"]))
    questions = []
    for row in _rows(_text(folder / "queries.jsonl")):
        name = row.get("id") or row["_id"]
        answerable = row.get("answerable", True)
        found = tuple(gold.get(name, ())) if answerable else ()
        if answerable == bool(found):
            kind = "answerable" if answerable else "unanswerable"
            questions.append(Question(name, row["text"], kind, (), found))
    return tuple(questions)


def _text(path: Path) -> str:
    """The text of a file, or of the gzipped file beside it."""
    packed = path if path.suffix == ".gz" else path.with_name(path.name + ".gz")
    if packed.exists():
        return gzip.decompress(packed.read_bytes()).decode()
    return path.read_text(encoding="utf-8")


def _rows(text: str) -> Iterator[Any]:
    return (json.loads(line) for line in text.split("\n") if line.strip())
