"""Runs untrusted programs in confined processes; knows nothing of SciCode, usable by itself.

`tasks.sandbox.pool.SandboxPool` takes a program as text, or a
`tasks.core.records.Job` that has values shipped back, and answers with an `Outcome`: how
the program ended, an undecoded frame of values for each case (`tasks.sandbox.wire.decode_values`
reads one), seconds, bytes, and the layers that confined it. `tasks.sandbox.layers` names layers and
levels; `tasks.sandbox.probing.probe_level` tells a host's. What the program does wrong is in the
outcome; `SandboxError` is raised where the sandbox itself fails.
"""
