"""How each step is done: stages, adapters, the sandbox and the pure core."""
