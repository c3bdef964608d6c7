"""What every mapping in a YAML file is: strict, frozen, nothing unknown (R20).

Field texts become the descriptions in the JSON Schemas that editors read.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A mapping with exactly these keys."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )
