"""A setting that is given says something: what every command's settings have in common."""

from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel, model_validator


class FilledIn(BaseModel):
    """Settings of which none is an empty text.

    A field that was emptied in a form sends one, and so does a shell for a variable that is not
    set. As a path it would mean the current folder, as a URL the embedded endpoint.
    """

    @model_validator(mode="before")
    @classmethod
    def _refuse_empty_texts(cls, settings: object) -> object:
        given = isinstance(settings, Mapping)
        for name, value in cast("Mapping[str, object]", settings).items() if given else ():
            if value == "":
                raise ValueError(
                    f"{name}: expected a value, found an empty text; leave the setting out for its "
                    "default"
                )
        return settings
