"""Synthetic scenes: one or two coloured shapes on a grey ground, with all that a small grammar says of them.

    a small red circle to the left of a large blue square       (left or above, then the other)
    a large blue square to the right of a small red circle
    there is a small red circle to the left of a large blue square
    a large blue square with a small red circle on its left
    a small red circle and a large blue square on its right

A scene with one shape says in which corner it lies, or that it is in the centre. The five sentences are all
that the grammar has, so a caption that gets every fact right is one of its scene's references, and one that
gets a fact wrong is not.

The pairs of colour and shape in `UNSEEN` are in no scene of train, valid and test; every scene of the split
"unseen" has one. The same seed gives the same scenes on every machine.
"""

from dataclasses import dataclass

import numpy as np

SIDE = 64  # pixels
SHAPES = ("circle", "square", "triangle", "cross", "diamond")
COLOURS = {
    "red": (215, 40, 40),
    "green": (40, 165, 60),
    "blue": (45, 75, 215),
    "yellow": (240, 205, 40),
    "purple": (150, 50, 180),
    "black": (30, 30, 30),
}
SIZES = {"small": (7.5, 9.5), "large": (12.5, 15.0)}  # radius from … to, pixels
CORNERS = ("top left", "top right", "bottom left", "bottom right", "centre")
UNSEEN = frozenset(
    {
        ("red", "triangle"),
        ("green", "circle"),
        ("blue", "cross"),
        ("yellow", "square"),
        ("purple", "diamond"),
    }
)
COUNTS = {"train": 8000, "valid": 400, "test": 400, "unseen": 400}  # scenes
ALONE = 0.25  # share of the scenes that have one shape


@dataclass(frozen=True)
class Thing:
    """One shape of a scene: its words, its centre and radius in pixels."""

    size: str
    colour: str
    shape: str
    x: float
    y: float
    radius: float

    def __str__(self):
        return f"a {self.size} {self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """What is to be seen.

    Attributes:
        things: one, or two that differ in shape; the first is left of the second, or above it.
        place: "left", "above", or, of a single thing, one of `CORNERS`.
    """

    things: tuple[Thing, ...]
    place: str

    @property
    def captions(self) -> tuple[str, ...]:
        """Everything that the grammar says of it."""
        if len(self.things) == 1:
            where = "the centre" if self.place == "centre" else f"the {self.place} corner"
            a = self.things[0]
            return (
                f"{a} in {where}",
                f"there is {a} in {where}",
                f"{where} holds {a}",
                f"{a} alone in {where}",
                f"nothing but {a} in {where}",
            )
        a, b = self.things
        if self.place == "left":
            before, after, its, other = (
                "to the left of",
                "to the right of",
                "on its left",
                "on its right",
            )
        else:
            before, after, its, other = "above", "below", "above it", "below it"
        return (
            f"{a} {before} {b}",
            f"{b} {after} {a}",
            f"there is {a} {before} {b}",
            f"{b} with {a} {its}",
            f"{a} and {b} {other}",
        )

    def masks(self) -> dict[str, np.ndarray]:
        """The pixels of each thing by its shape's name, bool (SIDE, SIDE)."""
        return {
            thing.shape: coverage(thing.shape, thing.x, thing.y, thing.radius)[0] >= 0.5
            for thing in self.things
        }


def coverage(shape: str, x, y, radius) -> np.ndarray:
    """How much of each pixel a shape covers.

    Args:
        x, y, radius: (B,) centres and radii in pixels.
    Returns:
        float32 (B, SIDE, SIDE) in [0, 1]: from the distance to the edge, one pixel wide.
    """
    centres = np.arange(SIDE, dtype=np.float32) + 0.5
    x, y, r = (np.reshape(value, (-1, 1, 1)).astype(np.float32) for value in (x, y, radius))
    u, v = centres[None, None, :] - x, centres[None, :, None] - y  # v points down
    if shape == "circle":
        edge = np.hypot(u, v) - r
    elif shape == "square":
        edge = np.maximum(abs(u), abs(v)) - 0.88 * r
    elif shape == "triangle":  # the base at 0.8 r below the centre, the top at r above it
        edge = np.maximum(v - 0.8 * r, (1.8 * abs(u) - v - r) / np.float32(np.hypot(1.8, 1)))
    elif shape == "cross":
        long, short = np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
        edge = np.maximum(long - r, short - 0.36 * r)
    else:  # a diamond, taller than wide
        edge = (1.4 * abs(u) + abs(v) - 1.05 * r) / np.float32(np.hypot(1.4, 1))
    return np.clip(0.5 - edge, 0, 1)


def _thing(rng, pairs, size: str) -> dict:
    colour, shape = pairs[rng.integers(len(pairs))]
    return {"size": size, "colour": colour, "shape": shape, "radius": rng.uniform(*SIZES[size])}


def _draw(rng: np.random.Generator, unseen: bool) -> Scene:
    """A scene; with `unseen`, one whose first drawn thing is of a pair that training never shows."""
    every = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    seen = [pair for pair in every if pair not in UNSEEN]
    sizes = [list(SIZES)[k] for k in rng.integers(0, 2, 2)]
    first = _thing(rng, sorted(UNSEEN) if unseen else seen, sizes[0])
    if rng.random() < ALONE:
        return _alone(rng, first)
    others = [pair for pair in (every if unseen else seen) if pair[1] != first["shape"]]
    pair = [first, _thing(rng, others, sizes[1])]
    if rng.random() < 0.5:
        pair.reverse()
    reach = [thing["radius"] for thing in pair]
    slack = SIDE - 4 - 2 * sum(reach)  # one pixel of ground at each edge, two between
    cuts = np.sort(rng.uniform(0, slack, 2))
    along = (1 + reach[0] + cuts[0], 3 + 2 * reach[0] + reach[1] + cuts[1])
    margin = 1 + max(reach)
    across = rng.uniform(margin, SIDE - margin) + rng.uniform(-5, 5, 2)
    across = np.clip(across, margin, SIDE - margin)
    place = ("left", "above")[rng.integers(2)]
    axes = ("x", "y") if place == "left" else ("y", "x")
    return Scene(
        tuple(
            Thing(**thing, **{axes[0]: float(a), axes[1]: float(b)})
            for thing, a, b in zip(pair, along, across, strict=True)
        ),
        place,
    )


def _alone(rng: np.random.Generator, thing: dict) -> Scene:
    place = CORNERS[rng.integers(len(CORNERS))]
    near, far = 1 + thing["radius"], SIDE - 1 - thing["radius"]
    off = rng.uniform(0, 5, 2)
    x = far - off[0] if "right" in place else near + off[0]
    y = far - off[1] if "bottom" in place else near + off[1]
    if place == "centre":
        x, y = SIDE / 2 + off - 2.5
    return Scene((Thing(**thing, x=float(x), y=float(y)),), place)


def draw(count: int, seed: int = 0, split: str = "train") -> tuple[list[Scene], np.ndarray]:
    """Scenes of a split, and what they look like.

    Returns:
        `count` scenes; and uint8 (count, SIDE, SIDE, 3): colours vary a little, the ground is noisy.
    """
    rng = np.random.default_rng([seed, list(COUNTS).index(split)])
    scenes = [_draw(rng, split == "unseen") for _ in range(count)]
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for first in range(0, count, 100):
        images[first : first + 100] = _render(rng, scenes[first : first + 100])
    return scenes, images


def _render(rng: np.random.Generator, scenes: list[Scene]) -> np.ndarray:
    ground = rng.uniform(195, 240, (len(scenes), 1, 1, 1)).astype(np.float32)
    canvas = np.repeat(np.broadcast_to(ground, (len(scenes), SIDE, SIDE, 1)), 3, axis=-1)
    for shape in SHAPES:
        drawn = [(k, t) for k, scene in enumerate(scenes) for t in scene.things if t.shape == shape]
        if not drawn:
            continue
        rows = [k for k, _ in drawn]  # each row once: a scene's things differ in shape
        places = np.array([(t.x, t.y, t.radius) for _, t in drawn]).T
        paint = np.array([COLOURS[t.colour] for _, t in drawn], np.float32)
        paint += rng.uniform(-20, 20, paint.shape).astype(np.float32)
        cover = coverage(shape, *places)[..., None]
        canvas[rows] += cover * (paint[:, None, None, :] - canvas[rows])
    noise = rng.integers(-8, 9, canvas.shape, np.int8)
    return np.clip(np.rint(canvas) + noise, 0, 255).astype(np.uint8)
