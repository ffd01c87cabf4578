"""Layered placement of boxes, from top to bottom; every edge points down.

The algorithm is from Sugiyama. Each box gets a layer below all its predecessors, if the layer has space. An edge that
crosses a layer gets a narrow lane in this layer. Edges with the same start or end share a lane. Barycentres order each
layer to reduce crossings. Each layer then moves near its neighbours without overlaps (least squares with minimum gaps:
pooled adjacent violators). The result is deterministic.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

GAP = 26
"""The horizontal gap between two boxes."""
LANE = 14
"""The width of a lane."""
RISE = 46
"""The vertical gap between two layers."""
SWEEPS = 12
STRAIGHT = 500.0
"""The weight of a lane in the least squares, relative to a box."""

Size = tuple[int, int]
Edge = tuple[int, int]
Point = tuple[int, int]


@dataclass(frozen=True)
class Placed:
    """The upper left corner of each box, the path of each edge, and the total size."""

    corners: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]
    width: int
    height: int


def place(sizes: Sequence[Size], edges: Sequence[Edge], widest: int) -> Placed:
    """Place boxes; ``edges`` has no cycle, ``widest`` is the maximum width of a layer with several boxes."""
    levels = levels_of(sizes, edges, widest)
    web = _web(sizes, edges, levels)
    layers = _ordered(web)
    left = _across(web, layers)
    heights = [max((web.sizes[box][1] for box in layer), default=0) for layer in layers]
    tops = [sum(heights[:at]) + RISE * at for at in range(len(heights))]
    corners = tuple((left[box], tops[levels[box]]) for box in range(len(sizes)))
    bands = [(top, top + height) for top, height in zip(tops, heights, strict=True)]
    ways = tuple(_way(web, left, bands, chain) for chain in web.chains)
    width = max((left[box] + web.sizes[box][0] for layer in layers for box in layer), default=0)
    return Placed(corners, ways, width, (bands[-1][1] if bands else 0))


def levels_of(sizes: Sequence[Size], edges: Sequence[Edge], widest: int) -> list[int]:
    """Return the layer of each box: the first layer with space below all predecessors."""
    before: dict[int, list[int]] = {box: [] for box in range(len(sizes))}
    for start, end in edges:
        before[end].append(start)
    longest: dict[int, int] = {}
    for box in _sorted(before):
        longest[box] = max((longest[prior] + 1 for prior in before[box]), default=0)
    levels: dict[int, int] = {}
    used: dict[int, int] = {}
    for box in sorted(longest, key=lambda each: (longest[each], each)):
        level = max((levels[prior] + 1 for prior in before[box]), default=0)
        wide = sizes[box][0] + GAP
        while used.get(level, 0) and used[level] + wide > widest + GAP:
            level += 1
        levels[box] = level
        used[level] = used.get(level, 0) + wide
    return [levels[box] for box in range(len(sizes))]


def _sorted(before: dict[int, list[int]]) -> list[int]:
    """Return the boxes in topological order; raises ValueError for a cycle."""
    found: list[int] = []
    waiting = dict(before)
    done: set[int] = set()
    while waiting:
        free = [box for box, priors in waiting.items() if done.issuperset(priors)]
        if not free:
            raise ValueError("a dependency cycle of steps cannot be drawn")
        found += free
        done.update(free)
        for box in free:
            del waiting[box]
    return found


@dataclass(frozen=True)
class _Web:
    """Boxes and lanes with their layers; ``up`` and ``down`` link adjacent layers, ``chains`` are whole edges."""

    sizes: list[Size]
    layers: list[list[int]]
    chains: list[list[int]]
    up: dict[int, list[int]]
    down: dict[int, list[int]]


def _web(sizes: Sequence[Size], edges: Sequence[Edge], levels: Sequence[int]) -> _Web:
    layers: list[list[int]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for box, level in enumerate(levels):
        layers[level].append(box)
    web = _Web(list(sizes), layers, [], {}, {})
    lanes: dict[tuple[bool, int, int], int] = {}
    leaving, coming = Counter(start for start, _ in edges), Counter(end for _, end in edges)
    for start, end in edges:
        shared = (True, end) if coming[end] > leaving[start] else (False, start)
        chain = [start]
        for level in range(levels[start] + 1, levels[end]):
            if (*shared, level) not in lanes:
                lanes[*shared, level] = len(web.sizes)
                layers[level].append(len(web.sizes))
                web.sizes.append((LANE, 0))
            chain.append(lanes[*shared, level])
        chain.append(end)
        web.chains.append(chain)
        for upper, lower in itertools.pairwise(chain):
            if lower not in web.down.setdefault(upper, []):
                web.down[upper].append(lower)
                web.up.setdefault(lower, []).append(upper)
    return web


def _ordered(web: _Web) -> list[list[int]]:
    """Return the layers, ordered by the mean position of neighbours, from the sweep with the fewest crossings."""
    layers = [list(layer) for layer in web.layers]
    best, fewest = [list(layer) for layer in layers], _crossings(web, layers)
    for sweep in range(SWEEPS):
        links, turn = (web.up, layers) if sweep % 2 == 0 else (web.down, layers[::-1])
        for fixed, moved in itertools.pairwise(turn):
            place = {box: at for at, box in enumerate(fixed)}
            own = {box: at for at, box in enumerate(moved)}
            moved.sort(key=lambda box: (_middle(links.get(box, ()), place, own[box]), own[box]))
        found = _crossings(web, layers)
        if found < fewest:
            best, fewest = [list(layer) for layer in layers], found
    return best


def _middle(linked: Sequence[int], place: dict[int, int], own: int) -> float:
    return sum(place[box] for box in linked) / len(linked) if linked else float(own)


def _crossings(web: _Web, layers: list[list[int]]) -> int:
    found = 0
    for upper, lower in itertools.pairwise(layers):
        place = {box: at for at, box in enumerate(lower)}
        ends = [place[to] for box in upper for to in sorted(web.down.get(box, ()), key=place.__getitem__)]
        found += sum(ends[later] < end for at, end in enumerate(ends) for later in range(at + 1, len(ends)))
    return found


def _across(web: _Web, layers: list[list[int]]) -> dict[int, int]:
    """Return the left side of each box and lane."""
    middle: dict[int, float] = {}
    for layer in layers:
        middle.update(zip(layer, _apart(web, layer, [0.0] * len(layer)), strict=True))
    for sweep in range(SWEEPS):
        links = (web.up, web.down)[sweep % 2]
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [_mean(_drawing(web, box, links.get(box, ())), middle, middle[box]) for box in layer]
            middle.update(zip(layer, _apart(web, layer, wanted), strict=True))
    left = {box: middle[box] - web.sizes[box][0] / 2 for box in middle}
    first = min(left.values(), default=0.0)
    return {box: round(at - first) for box, at in left.items()}


def _drawing(web: _Web, box: int, linked: Sequence[int]) -> Sequence[int]:
    """Return the neighbours that attract a box or lane; a lane prefers its other lanes."""
    going_on = [other for other in linked if _is_lane(web, other)] if _is_lane(web, box) else []
    return going_on or linked


def _is_lane(web: _Web, box: int) -> bool:
    return web.sizes[box][1] == 0


def _mean(linked: Sequence[int], middle: dict[int, float], own: float) -> float:
    return sum(middle[box] for box in linked) / len(linked) if linked else own


def _apart(web: _Web, layer: Sequence[int], wanted: Sequence[float]) -> list[float]:
    """Return the middles nearest to the wanted ones that keep the minimum gap in a layer."""
    offsets = [0.0][: len(layer)]
    for box, other in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (web.sizes[box][0] + web.sizes[other][0]) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []
    for box, want, offset in zip(layer, wanted, offsets, strict=True):
        weight = STRAIGHT if _is_lane(web, box) else 1.0
        total, many = (want - offset) * weight, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / weight:
            total, weight, many = total + pools[-1][0], weight + pools[-1][1], many + pools[-1][2]
            pools.pop()
        pools.append((total, weight, many))
    level = [total / weight for total, weight, many in pools for _ in range(many)]
    return [at + offset for at, offset in zip(level, offsets, strict=True)]


def _way(
    web: _Web, left: dict[int, int], bands: Sequence[tuple[int, int]], chain: Sequence[int]
) -> tuple[Point, ...]:
    """Return the points of an edge from the bottom of its first box to the top of its last, never upwards."""
    level = next(at for at, layer in enumerate(web.layers) if chain[0] in layer)
    middles = [left[box] + web.sizes[box][0] // 2 for box in chain]
    points = [(middles[0], bands[level][0] + web.sizes[chain[0]][1]), (middles[0], bands[level][1])]
    for at, middle in enumerate(middles[1:-1], start=level + 1):
        points += [(middle, bands[at][0]), (middle, bands[at][1])]
    return (*points, (middles[-1], bands[level + len(chain) - 1][0]))
