"""Why a Job has no pod, as far as its events say, and what that means for how long it may wait. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ASKS", "ASK_AFTER", "ASK_AGAIN", "Obstacle"]

ASK_AFTER = 30.0
"""Seconds without a pod after which a Job is late; a Job controller that is not busy needs one or two."""
ASK_AGAIN = 60.0
"""Seconds until it is asked again."""

ASKS = 5
"""Jobs of one matrix that are asked about in one pass: to find the events of one, a server goes through them all."""

_QUOTA = "exceeded quota"
"""What the API server says of a pod for which a ResourceQuota has no room."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What was heard about one Job."""

    asked: float
    """When it was looked up last, Unix seconds."""
    text: str = ""
    """What the control plane said then, in one line; empty if nothing."""
    quota_until: float = -math.inf
    """When a quota was last seen to be the cause: a wait for room in it counts against nobody."""

    @property
    def quota(self) -> bool:
        """Whether a quota has no room for the pod."""
        return _QUOTA in self.text

    def then(self, text: str | None, now: float) -> Obstacle:
        """After another look at `now`; None where the events could not be read."""
        said = self.text if text is None else text
        return Obstacle(now, said, now if _QUOTA in said else self.quota_until)
