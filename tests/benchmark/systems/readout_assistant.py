"""Readout Assistant, whole; with `first`, only its dense and BM25 candidates."""

import sys

from harness import K, run

from assistant import retrieval
from assistant.followups import alone
from assistant.library import Library


def build(passages, folder):
    raise NotImplementedError  # the command line does


def opened(folder):
    library = Library.open(folder)
    library.load()

    def candidates(question):
        (encoding,) = library.encoder.encode([question], question=True)
        asked = retrieval.ask(library.index, encoding, alone(question))
        found = retrieval._dense(library.index, asked, None)
        found += [each for each, _ in library.index.lexical.search(asked.terms, K)]
        return [library.index.paragraph(each)[1].text for each in found[:K]]

    if sys.argv[-1] == "first":
        return candidates
    return lambda question: [hit.quote.text for hit in library.answer(question, k=K).hits]


run(build, opened)
