"""The house drawn from the code's own imports: which room uses which, as a Mermaid flowchart in Markdown."""

from __future__ import annotations

import grimp

__all__ = ["drawing"]

PACKAGE = "batchmatrix"


def _room(module: str) -> str:
    """`batchmatrix.engine.decide` stands in room `engine`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else PACKAGE


def _arrows() -> set[tuple[str, str]]:
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    found = set()
    for module in graph.modules:
        for used in graph.find_modules_directly_imported_by(module):
            one, other = _room(module), _room(used)
            if one != other and PACKAGE not in (one, other):
                found.add((one, other))
    return found


def _reaches(start: str, end: str, arrows: set[tuple[str, str]]) -> bool:
    """Whether there is a way from `start` to `end` of two or more arrows."""
    following = {b for a, b in arrows if a == start and b != end}
    seen: set[str] = set()
    while following:
        room = following.pop()
        if (room, end) in arrows:
            return True
        seen.add(room)
        following |= {b for a, b in arrows if a == room} - seen
    return False


def _floors(arrows: set[tuple[str, str]]) -> dict[str, int]:
    """A room stands above all that it uses. Raises ValueError for rooms that use each other in a circle."""
    rooms = {room for arrow in arrows for room in arrow}
    floors: dict[str, int] = {}
    while len(floors) < len(rooms):
        ready = [room for room in rooms - floors.keys() if all(b in floors for a, b in arrows if a == room)]
        if not ready:
            raise ValueError(f"rooms that use each other in a circle: {', '.join(sorted(rooms - floors.keys()))}")
        for room in ready:
            floors[room] = 1 + max((floors[b] for a, b in arrows if a == room), default=0)
    return floors


def drawing(note: str) -> str:
    """The whole page. Arrows that follow from others are left out; the count says how many there are in all."""
    arrows = _arrows()
    floors = _floors(arrows)
    shown = sorted((a, b) for a, b in arrows if not _reaches(a, b, arrows))
    lines = [f"    {a} --> {b}" for a, b in shown]
    table = [
        f"| {floor} | {', '.join(sorted(room.strip('_') for room in floors if floors[room] == floor))} |"
        for floor in sorted(set(floors.values()), reverse=True)
    ]
    return f"""<!-- {note} -->
# The house

{len(floors)} rooms on {max(floors.values())} floors, {len(arrows)} arrows, no circle: a room stands above all that it
uses. Arrows that follow from others are not drawn.

```mermaid
flowchart TD
{chr(10).join(lines)}
```

| Floor | Rooms |
|---|---|
{chr(10).join(table)}
"""
