"""What happens, in which order: Prefect flows, configuration and the command line."""
