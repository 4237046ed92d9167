"""The web chat: one page, a conversation mounted in it, and the source beside it."""
