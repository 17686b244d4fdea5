"""The bundled example benchmark: data only, written for this project."""
