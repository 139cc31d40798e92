"""A Gaussian process over the unit cube, small and quick enough to be fitted for every trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LENGTH, LENGTH_SPREAD = 0.5, 1.0
NOISE, NOISE_SPREAD = 0.3, 1.5
ROOT5 = 5**0.5


@dataclass(frozen=True)
class Kriging:
    """A Gaussian process with a Matérn 5/2 kernel, a length for each dimension, and noise.

    The lengths and the noise are those of the highest posterior density under log-normal priors; the scale is
    the likeliest one. Numbers are float64.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 5.

    :param points: (trials, dimensions), each number around the unit interval
    :param noise: the standard deviation of a value beside what the process says
    :param weights: (trials,), the covariance's inverse times the values
    :param factor: (trials, trials), the inverse of the covariance's lower Cholesky factor

    >>> x = np.linspace(0, 1, 9)[:, None]
    >>> model = Kriging.fit(x, np.sin(6 * x[:, 0]))
    >>> mean, deviation = model.predict(np.array([[0.3]]))
    >>> bool(abs(mean[0] - np.sin(1.8)) < 0.05)
    True
    """

    points: np.ndarray
    lengths: np.ndarray
    scale: float
    noise: float
    middle: float
    weights: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, points: np.ndarray, values: np.ndarray) -> Kriging:
        """Fit the process to values of shape (trials,)."""
        from scipy.optimize import minimize

        middle = float(values.mean())
        centred = values - middle
        count, dimensions = points.shape
        left, right = np.triu_indices(count, 1)
        squares = (points[left] - points[right]) ** 2
        prior = np.log(np.append(np.full(dimensions, LENGTH * dimensions**0.5), NOISE))
        spread = np.append(np.full(dimensions, LENGTH_SPREAD), NOISE_SPREAD)

        def cost(logs: np.ndarray) -> tuple[float, np.ndarray]:
            """Return the negative log density of the posterior, and its gradient."""
            inverse_squares, noise = np.exp(-2 * logs[:-1]), np.exp(logs[-1])
            far = np.sqrt(5 * (squares @ inverse_squares))
            decay = np.exp(-far)
            kernel = np.zeros((count, count))
            kernel[right, left] = (1 + far + far * far / 3) * decay  # All that is read of it: the lower half.
            kernel[np.diag_indices(count)] = 1 + noise
            lower = np.linalg.cholesky(kernel)
            inverse_lower = np.linalg.inv(lower)
            inverse = inverse_lower.T @ inverse_lower
            weights = inverse @ centred
            scale = max(float(centred @ weights) / count, 1e-12)
            off = (logs - prior) / spread
            density = count / 2 * np.log(scale) + np.log(np.diag(lower)).sum() + off @ off / 2
            outer = inverse - np.outer(weights, weights) / scale
            slope = (outer[right, left] * (1 + far) * decay * (5 / 3)) @ squares * inverse_squares
            gradient = np.append(slope, np.trace(outer) / 2 * noise) + off / spread
            return float(density), gradient

        bounds = [(np.log(0.03), np.log(30.0))] * dimensions + [(np.log(1e-5), np.log(2.0))]
        found = minimize(cost, prior, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
        lengths, noise = np.exp(found.x[:-1]), float(np.exp(found.x[-1]))
        kernel = _kernel(points, points, lengths)
        kernel[np.diag_indices(count)] += noise
        inverse_lower = np.linalg.inv(np.linalg.cholesky(kernel))
        weights = inverse_lower.T @ (inverse_lower @ centred)
        scale = max(float(centred @ weights) / count, 1e-12)
        return cls(points, lengths, scale, (scale * noise) ** 0.5, middle, weights, inverse_lower)

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and the standard deviation without the noise, for (n, dimensions) points."""
        kernel = _kernel(points, self.points, self.lengths)
        mean = kernel @ self.weights + self.middle
        seen = kernel @ self.factor.T
        known = np.einsum("ij,ij->i", seen, seen)
        return mean, np.sqrt(np.maximum(self.scale * (1 - known), 1e-18))


def _kernel(left: np.ndarray, right: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    left, right = left / lengths, right / lengths
    # In place: a fresh page costs more than the arithmetic on it.
    far: np.ndarray = -2 * left @ right.T
    far += (left**2).sum(1)[:, None]
    far += (right**2).sum(1)[None, :]
    np.maximum(far, 0.0, out=far)
    np.sqrt(far, out=far)
    far *= ROOT5
    kernel = far / 3
    kernel += 1
    kernel *= far
    kernel += 1
    kernel *= np.exp(np.negative(far, out=far), out=far)
    return kernel


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, noise: float, best: float) -> np.ndarray:
    """Return the logarithm of how far below ``best`` a value is expected to be, 0 where it is above.

    Where noise hides most of what a trial could still tell, as beside earlier trials, it counts for less.

    Source: Huang et al., Global Optimization of Stochastic Black-Box Systems, Journal of Global Optimization
    34, 2006, for the noise; Ament et al., Unexpected Improvements to Expected Improvement for Bayesian
    Optimization, NeurIPS 2023, for the logarithm.
    """
    from scipy.special import erfcx, log1p, ndtr

    by = (best - mean) / deviation
    density = np.exp(-by * by / 2) / np.sqrt(2 * np.pi)
    near = np.log(np.maximum(density + by * ndtr(by), 1e-300))
    # Far below 0 the two terms cancel each other: the scaled complementary error function keeps them apart.
    low = np.minimum(by, -1.0)
    scaled = np.sqrt(np.pi / 2) * -low * erfcx(-low / np.sqrt(2))
    far = -low * low / 2 - np.log(2 * np.pi) / 2 + log1p(-np.minimum(scaled, 1 - 1e-15))
    told = np.log1p(-noise / np.sqrt(deviation**2 + noise**2))
    improvement: np.ndarray = np.where(by > -1, near, far) + np.log(deviation) + told
    return improvement
