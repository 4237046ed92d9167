"""The library as a retriever of LlamaIndex.

from assistant import Library
from assistant.llama_index import ReadoutRetriever
nodes = ReadoutRetriever(Library.open(".")).retrieve("What was said about Taiwan?")
"""

from __future__ import annotations

import asyncio

from assistant.library import EVERYTHING, Library
from assistant.types import Hit, Scope

try:
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import (
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
    )
except ImportError as error:
    raise ImportError(
        "this needs a package that isn't installed: pip install 'readout-assistant[llama-index]'"
    ) from error

_FOR_PROGRAMS = [
    "text", "path", "paragraph_id", "start", "end", "sha256", "source_sha256", "extractor", "page",
    "emphasis", "context", "document",
]  # fmt: skip


class ReadoutRetriever(BaseRetriever):
    """Finds what ``library.retrieve`` finds: at most ``k`` paragraphs of ``scope``, best first.

    A node's text is the paragraph, ``start_char_idx`` and ``end_char_idx`` its offsets in the
    readout that ``ref_doc_id`` names, and its ``metadata`` the fields of its best sentence's
    ``Quote``, of which ``Quote.from_dict(node.metadata)`` makes one again. Models and embeddings
    are shown only what it is cited by. What it raises is a ``ReadoutError``.
    """

    def __init__(self, library: Library, *, k: int = 5, scope: Scope = EVERYTHING) -> None:
        super().__init__()
        self._library = library
        self._k = k
        self._readouts = scope

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._library.retrieve(query_bundle.query_str, k=self._k, scope=self._readouts)
        return [NodeWithScore(node=_node(hit), score=hit.score) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: Hit) -> TextNode:
    return TextNode(
        id_=f"{hit.document.id}/{hit.paragraph.id}",
        text=hit.paragraph.text,
        start_char_idx=hit.paragraph.start,
        end_char_idx=hit.paragraph.end,
        metadata=hit.quote.as_dict(),
        excluded_llm_metadata_keys=_FOR_PROGRAMS,
        excluded_embed_metadata_keys=_FOR_PROGRAMS,
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.document.id)},
    )
