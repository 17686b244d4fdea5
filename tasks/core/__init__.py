"""Pure SciCode logic: no Prefect, network, files, clock, environment or randomness."""
