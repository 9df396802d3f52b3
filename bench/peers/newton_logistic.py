"""The peer of the Newton bench: NumPy and SciPy, with the same data, steps and derivative.

Started with a folder that holds features.f64 [batch, n, p], labels.f64 [batch, n] and weights.f64 [batch, n], and the numbers batch, n, p.
First line out: what computes. Then for each number of calls that comes in on a line, the seconds of processor time that they took.
The gradients of the first pass are left in gradients.f64 [batch, n].
"""

import ctypes
import json
import math
import os
import sys
import time

import numpy as np
import scipy.linalg

PENALTY = math.exp(-5)


def blas():
    """The OpenBLAS that NumPy has loaded, and its number of threads."""
    with open("/proc/self/maps") as maps:
        found = {line.split()[-1] for line in maps if "openblas" in line}
    if not found:
        return {"config": None, "threads": None}
    library = ctypes.CDLL(sorted(found)[0])
    library.openblas_get_config.restype = ctypes.c_char_p
    return {
        "config": library.openblas_get_config().decode(),
        "threads": library.openblas_get_num_threads(),
    }


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
    def read(name, shape):
        return np.fromfile(os.path.join(folder, name)).reshape(shape)

    X, y, w = read("features.f64", (batch, n, p)), read("labels.f64", (batch, n)), read("weights.f64", (batch, n))
    gradients = np.empty((batch, n))
    for i in range(batch):
        gradients[i] = one_step_gradient(X[i], y[i], w[i])
    gradients.tofile(os.path.join(folder, "gradients.f64"))
    print(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__, "blas": blas()}), flush=True)
    for line in sys.stdin:
        start = time.process_time()
        for _ in range(int(line)):
            for i in range(batch):
                one_step_gradient(X[i], y[i], w[i])
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
