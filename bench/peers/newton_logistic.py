"""The peer of the Newton bench: NumPy and SciPy, with the same data, steps and derivative.

Started with a folder that holds features.f64 [batch, n, p], labels.f64 [batch, n] and weights.f64 [batch, n], and the numbers batch, n, p.
Leaves the gradients in gradients.f64 [batch, n].
"""

import math
import sys

import numpy as np
import scipy
import scipy.linalg

from peer import blas, read, take_turns, write

PENALTY = math.exp(-5)


def parts(x, X, y, w):
    """Gradient, Cholesky factor of the Hessian, and the probabilities s at x."""
    s = 1 / (1 + np.exp(y * (X @ x)))
    g = PENALTY * x - X.T @ (w * y * s)
    d = w * s * (1 - s)
    H = X.T @ (d[:, None] * X)
    H[np.diag_indices_from(H)] += PENALTY
    return g, scipy.linalg.cho_factor(H, lower=True, overwrite_a=True, check_finite=False), s


def solve(factor, b):
    return scipy.linalg.cho_solve(factor, b, check_finite=False)


def one_step_gradient(X, y, w):
    """Steps until the gradient before a step is small, then the gradient of |x|^2 / 2 through one more step."""
    x = np.zeros(X.shape[1])
    x[0] = 0.5
    for _ in range(49):
        g, factor, _ = parts(x, X, y, w)
        x = x - solve(factor, g)
        if np.linalg.norm(g) < 1e-10:
            break
    g, factor, s = parts(x, X, y, w)
    q = X @ solve(factor, g)
    u = X @ solve(factor, x)
    return y * s * u + s * (1 - s) * u * q


def main(folder, batch, n, p):
    X, y = read(folder, "features", (batch, n, p)), read(folder, "labels", (batch, n))
    w = read(folder, "weights", (batch, n))

    def run():
        return [one_step_gradient(X[i], y[i], w[i]) for i in range(batch)]

    write(folder, "gradients", run())
    take_turns({"numpy": np.__version__, "scipy": scipy.__version__, "blas": blas()}, run)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
