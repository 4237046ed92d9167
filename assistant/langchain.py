"""The library as a retriever of LangChain.

from assistant import Library
from assistant.langchain import ReadoutRetriever
documents = ReadoutRetriever(library=Library.open(".")).invoke("What was said about Taiwan?")
"""

from __future__ import annotations

from assistant.library import EVERYTHING, Library
from assistant.types import Scope

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ImportError as error:
    raise ImportError(
        "this needs a package that isn't installed: pip install 'readout-assistant[langchain]'"
    ) from error


class ReadoutRetriever(BaseRetriever):
    """Finds what ``library.retrieve`` finds: at most ``k`` paragraphs of ``scope``, best first.

    A document's content is the paragraph, its ``metadata`` the fields of its best sentence's
    ``Quote``, of which ``Quote.from_dict(document.metadata)`` makes one again; besides them
    ``start_index``, the paragraph's offset in its readout, ``source``, the readout's address or
    path, and ``score``.
    What it raises is a ``ReadoutError``.
    """

    library: Library
    k: int = 5
    scope: Scope = EVERYTHING

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                id=f"{hit.document.id}/{hit.paragraph.id}",
                page_content=hit.paragraph.text,
                metadata=hit.quote.as_dict()
                | {
                    "source": hit.document.url or hit.document.path,
                    "start_index": hit.paragraph.start,
                    "score": hit.score,
                },
            )
            for hit in self.library.retrieve(query, k=self.k, scope=self.scope)
        ]
