"""Reading files that aren't plain text: each format's text as it stands on the page.

``extract.py`` says what comes out, ``html.py``, ``pdf.py`` and ``docx.py`` get it, and
``bounded.py`` runs them in a process of its own (``child.py``) with limits on time and memory.
"""
