"""Cuts a sub-step's cases into what the child runs and what the judge decides."""
