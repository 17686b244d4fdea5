"""Prompt templates: data, no Python."""
