"""The peer of the interior-point experiment: NumPy and SciPy, the same predictor-corrector on the whole KKT matrix.

    min x'Qx / 2 + q'x   subject to   Ax = b,  Gx <= h,   unknowns (x, s, z, y) of order n + 2p + m

Started with a folder that holds Q.f64 [n, n], q.f64 [n], A.f64 [m, n], b.f64 [m], G.f64 [p, n], h.f64 [p], and the numbers n, m, p, tau,
tol, most. A step is one LU factorization and two solves; the step after the last one, which is differentiated, is made, too.
Leaves x.f64 [n] and the number of steps before that one in iterations.f64 [1].
"""

import sys

import numpy as np
import scipy
import scipy.linalg

from peer import blas, read, take_turns, write


def factored(matrix):
    return scipy.linalg.lu_factor(matrix, overwrite_a=True, check_finite=False)


def solve(factor, r):
    return scipy.linalg.lu_solve(factor, r, check_finite=False)


def largest_step(v, d):
    """The largest step that keeps v >= 0, or 2 where nothing is in the way."""
    blocking = d < 0
    return min(2.0, np.min(-v[blocking] / d[blocking])) if blocking.any() else 2.0


def start(Q, q, A, b, G, h):
    """The solution of the equations with s = -z, moved inside."""
    n, m, p = len(q), len(b), len(h)
    K = np.zeros((n + p + m, n + p + m), order="F")
    K[:n, :n], K[:n, n : n + p], K[:n, n + p :] = Q, G.T, A.T
    K[n : n + p, :n], K[n + p :, :n] = G, A
    K[range(n, n + p), range(n, n + p)] = -1
    x, _, y = np.split(solve(factored(K), np.concatenate([-q, h, b])), [n, n + p])
    z = G @ x - h

    def inside(v):
        return v if v.min() > 0 else v + 1 - v.min()

    return x, inside(-z), inside(z), y


def solver(Q, q, A, b, G, h, tau, tol, most):
    n, m, p = len(q), len(b), len(h)
    ends = np.cumsum([n, p, p])
    rows = range(n, n + p), range(n + p, n + 2 * p)
    # Column-major, as LAPACK wants it, with all that does not change from step to step.
    fixed = np.zeros((n + 2 * p + m, n + 2 * p + m), order="F")
    fixed[:n, :n], fixed[:n, ends[1] : ends[2]], fixed[:n, ends[2] :] = Q, G.T, A.T
    fixed[ends[1] : ends[2], :n], fixed[ends[2] :, :n] = G, A
    fixed[rows[1], rows[0]] = 1

    def step(x, s, z, y):
        """The next point, and the norm of the corrector's right-hand side."""
        K = fixed.copy(order="F")
        K[rows[0], rows[0]] = z
        K[rows[0], rows[1]] = s
        factor = factored(K)
        r = np.concatenate([Q @ x + q + A.T @ y + G.T @ z, s * z, G @ x + s - h, A @ x - b])
        affine = solve(factor, -r)
        _, ds, dz, _ = np.split(affine, ends)
        alpha = min(1.0, largest_step(s, ds), largest_step(z, dz))
        gap = s @ z
        sigma = ((s + alpha * ds) @ (z + alpha * dz) / gap) ** 3
        corrector = sigma * gap / p - min(1.0, 4 * alpha) * ds * dz
        r[:] = 0
        r[n : n + p] = corrector
        dx, ds, dz, dy = np.split(affine + solve(factor, r), ends)
        slope, bend = s @ dz + z @ ds, ds @ dz
        smallest = max(0.1, -slope / (2 * bend)) if slope < 0 < bend else 1.0
        alpha = min(1.0, smallest, tau * min(largest_step(s, ds), largest_step(z, dz)))
        return (x + alpha * dx, s + alpha * ds, z + alpha * dz, y + alpha * dy), np.linalg.norm(corrector)

    def run():
        point = start(Q, q, A, b, G, h)
        for iterations in range(1, most + 1):
            point, centring = step(*point)
            if centring <= tol:
                break
        return step(*point)[0][0], iterations

    return run


def main(folder, n, m, p, tau, tol, most):
    shapes = {"Q": (n, n), "q": (n,), "A": (m, n), "b": (m,), "G": (p, n), "h": (p,)}
    run = solver(*(read(folder, name, shape) for name, shape in shapes.items()), tau, tol, most)
    x, iterations = run()
    write(folder, "x", x)
    write(folder, "iterations", [iterations])
    take_turns({"numpy": np.__version__, "scipy": scipy.__version__, "blas": blas()}, run)


if __name__ == "__main__":
    numbers = sys.argv[2:]
    main(sys.argv[1], *map(int, numbers[:3]), *map(float, numbers[3:5]), int(numbers[5]))
