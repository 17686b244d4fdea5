"""Verification on several machines: what each node does, and what hands programs out to them."""
