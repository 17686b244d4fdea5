"""Runs one untrusted program in a process of its own; knows nothing of SciCode."""
