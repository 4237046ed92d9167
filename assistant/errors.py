"""Everything that can go wrong, said as what, where and what to do.

ReadoutError
├── QuestionError        the question is empty or too long
├── LibraryError         the folder is no library, or its index can't be written
│   └── NoReadoutsError      it has no document that can be read
├── DocumentError        one file can't be read as a document
├── EncoderError         the embedding model is missing, altered or unusable
└── IndexUnusableError   the built index can't serve
    ├── IndexMissingError    nothing has been built yet
    ├── IndexDamagedError    a file is missing, altered or of an unknown format
    ├── IndexMismatchError   it was built by another model or tokenizer
    └── IndexBusyError       another process is building it

That the readouts don't say something is a value (``Outcome``), never an error.
"""


class ReadoutError(Exception):
    """Base of all errors a user can do something about; ``str()`` is a whole sentence for them."""


class QuestionError(ReadoutError):
    """The question is empty or too long."""


class LibraryError(ReadoutError):
    """The folder is no library, or its index can't be written."""


class NoReadoutsError(LibraryError):
    """The library has no document that can be read."""


class DocumentError(ReadoutError):
    """One file can't be read as a document."""


class EncoderError(ReadoutError):
    """The embedding model is missing, altered or unusable."""


class IndexUnusableError(ReadoutError):
    """The built index can't serve."""


class IndexMissingError(IndexUnusableError):
    """Nothing has been built yet."""


class IndexDamagedError(IndexUnusableError):
    """A file of the index is missing, altered or of an unknown format."""


class IndexMismatchError(IndexUnusableError):
    """The index was built by another model or tokenizer."""


class IndexBusyError(IndexUnusableError):
    """Another process is building the index."""
