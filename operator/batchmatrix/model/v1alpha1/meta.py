"""The part of an object's metadata that is used."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["ObjectMeta"]


class ObjectMeta(BaseModel):
    """The part of an object's metadata that is used; the rest is the API server's."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel)

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    annotations: dict[str, str] = {}
    deletion_timestamp: str | None = None
