"""The judge: the only process that holds targets, and the client that talks to it."""
