"""The Gaussian process and what it expects, beside scikit-learn's and beside integration by numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from stagecraft.tuning.kriging import (
    LENGTH,
    LENGTH_SPREAD,
    NOISE,
    NOISE_SPREAD,
    Kriging,
    expected_improvement,
)

DRAW = np.random.default_rng(0)
POINTS = DRAW.random((25, 3))
VALUES = np.sin(5 * POINTS[:, 0]) + 0.5 * POINTS[:, 1] + 0.1 * DRAW.normal(size=25)


def test_it_predicts_as_scikit_learn_does_with_the_same_lengths() -> None:
    model = Kriging.fit(POINTS, VALUES)
    theirs = GaussianProcessRegressor(
        model.scale * Matern(model.lengths, nu=2.5), alpha=model.noise**2, optimizer=None
    ).fit(POINTS, VALUES - VALUES.mean())
    new = DRAW.random((40, 3))
    mean, deviation = model.predict(new)
    expected, spread = theirs.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected + VALUES.mean(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(deviation, spread, rtol=1e-5)


def test_its_lengths_and_noise_are_the_likeliest_ones() -> None:
    model = Kriging.fit(POINTS, VALUES)

    def density(lengths: np.ndarray, noise: float) -> float:
        kernel = Matern(lengths, nu=2.5)(POINTS) + noise * np.eye(25)
        centred = VALUES - VALUES.mean()
        scale = centred @ np.linalg.solve(kernel, centred) / 25
        prior = norm(np.log(LENGTH * 3**0.5), LENGTH_SPREAD).logpdf(np.log(lengths)).sum()
        prior += norm(np.log(NOISE), NOISE_SPREAD).logpdf(np.log(noise))
        return float(multivariate_normal(np.zeros(25), scale * kernel).logpdf(centred) + prior)

    noise = model.noise**2 / model.scale
    best = density(model.lengths, noise)
    for factor in (0.93, 1.07):
        assert density(model.lengths, noise * factor) < best
        for place in range(3):
            moved = model.lengths.copy()
            moved[place] *= factor
            assert density(moved, noise) < best


@pytest.mark.parametrize("noise", [0.0, 0.4])
@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.7, 2.5])
def test_the_expected_improvement_is_the_integral(mean: float, noise: float) -> None:
    best, deviation = 0.2, 0.5
    whole, _ = quad(
        lambda value: max(best - value, 0) * norm(mean, deviation).pdf(value), -8, best, epsabs=1e-14
    )
    whole *= 1 - noise / (deviation**2 + noise**2) ** 0.5
    found = expected_improvement(np.array([mean]), np.array([deviation]), noise, best)
    assert found[0] == pytest.approx(np.log(whole), rel=1e-4)


def test_what_is_hopeless_still_has_an_order() -> None:
    means = np.array([10.0, 20.0, 30.0])
    found = expected_improvement(means, np.full(3, 0.5), 0.1, 0.0)
    assert np.isfinite(found).all()
    assert found[0] > found[1] > found[2]
