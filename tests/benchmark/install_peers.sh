#!/bin/sh
# install_peers.sh FOLDER: an environment in FOLDER for each tool that `make bench` compares with.
#
# Each sees the packages of the Python that runs this (its torch, transformers and sentence-transformers,
# so that all run the same model in the same way), and gets what it needs beside them or instead. One that
# can't be installed is named, and left out of the table.
set -u
folder=${1:?folder} python=${PYTHON:-python}
site=$("$python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
install() {
    name=$1
    shift
    test -e "$folder/$name/installed" && return
    "$python" -m venv "$folder/$name" &&
        own=$("$folder/$name/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))") &&
        echo "$site" > "$own/shared.pth" &&
        "$folder/$name/bin/python" -m pip --disable-pip-version-check --quiet install "$@" &&
        touch "$folder/$name/installed" || echo "$name: can't be installed, and is left out" >&2
}
install langchain_faiss langchain-community langchain-huggingface
install llama_index_vectors llama-index-core llama-index-embeddings-huggingface
install txtai_hybrid txtai
install chroma_collection chromadb
install haystack_memory haystack-ai sentence-transformers-haystack
