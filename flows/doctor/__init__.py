"""Checks of whether an evaluation could start, each on its own."""
