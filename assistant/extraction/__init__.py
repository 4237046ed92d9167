"""Reading files that aren't plain text: each format's text as it stands on the page.

``extract.py`` says what comes out. ``html.py``, ``lines.py`` with ``pdf.py``, and ``docx.py`` get
it, run by ``bounded.py`` in a process of their own (``child.py``) with limits on time and memory;
``jsonl.py`` reads collections.
"""
