"""The unit cube as arrays, beside the space's own way from points to parameters."""

from __future__ import annotations

import numpy as np

from stagecraft.tuning.cube import Cube
from stagecraft.tuning.expression import Expression
from stagecraft.tuning.space import Choice, Integer, LogUniform, Space, Uniform

PLAIN = Space(
    {
        "rate": LogUniform(0.001, 1),
        "depth": Integer(2, 9),
        "share": Uniform(0, 1, step=0.2),
        "kind": Choice(["a", "b", "c"]),
    }
)
NESTED = Space({"kind": Choice(["a", "b"]), "depth": Integer(2, 9, when={"kind": ["a"]})})


def test_points_are_snapped_to_the_parameters_that_they_stand_for() -> None:
    for space in (PLAIN, NESTED):
        points = np.random.default_rng(0).random((200, len(space)))
        snapped = Cube(space).snapped(points)
        for point, found in zip(points.tolist(), snapped.tolist(), strict=True):
            np.testing.assert_allclose(found, space.to_unit(space.from_unit(point)), atol=1e-12)


def test_an_option_is_as_far_from_any_other() -> None:
    points = np.array(
        [PLAIN.to_unit({"rate": 0.1, "depth": 3, "share": 0.2, "kind": kind}) for kind in "abc"]
    )
    features = Cube(PLAIN).features(points)
    distances = ((features[:, None] - features[None]) ** 2).sum(-1)
    np.testing.assert_allclose(distances, 1 - np.eye(3))


def test_candidates_lie_in_the_cube_and_many_near_the_best() -> None:
    cube, draw = Cube(PLAIN), np.random.default_rng(0)
    best = cube.snapped(draw.random((3, len(PLAIN))))
    points = np.vstack([cube.candidates(best, draw), cube.finer(best, draw)])
    assert points.min() >= 0
    assert points.max() <= 1
    nearest = np.abs(points[:, None] - best[None]).max(-1).min(1)
    assert (nearest < 0.2).mean() > 0.3
    assert (nearest > 0.4).mean() > 0.2


def test_efforts_grow_as_they_are_stated() -> None:
    cube = Cube(PLAIN, Expression("rate ** 0.5 * depth"))
    points = cube.snapped(np.random.default_rng(1).random((100, len(PLAIN))))
    stated = [PLAIN.from_unit(point) for point in points.tolist()]
    logs = np.log([parameters["rate"] ** 0.5 * parameters["depth"] for parameters in stated])  # type: ignore[operator]
    assert np.corrcoef(cube.efforts(points), logs)[0, 1] > 0.995
    assert (Cube(PLAIN).efforts(points) == 0).all()
