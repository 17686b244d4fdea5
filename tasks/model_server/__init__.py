"""Serves a checkpoint with a command of the user's for as long as an evaluation lasts."""
