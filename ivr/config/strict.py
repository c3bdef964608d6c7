"""What every mapping in a YAML file is: strict, frozen, nothing unknown (R20).

Field texts become the descriptions in the JSON Schemas that editors read.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Strict(BaseModel):
    """A mapping with exactly these keys."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )


def keys(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The keys of a mapping as they are written: ``from``, which is a word of Python's, too."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
