"""OpenAI-compatible HTTP endpoints that answer from a book of known answers."""
