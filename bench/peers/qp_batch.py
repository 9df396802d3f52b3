"""The peer of the batch of quadratic programs: ProxQP (the package proxsuite), one program after another, with its own derivative.

    min x'Qx / 2 + p'x   subject to   Gx <= h,   loss sum(x)

Started with a folder that holds Q.f64 [batch, n, n], p.f64 [batch, n], G.f64 [batch, m, n], h.f64 [batch, m], and the numbers batch, n, m,
the tolerance, and 1 with the derivative or 0 without. Leaves x.f64 [batch, n] and gradient.f64 [batch, n], of the loss in p; zeros without.
"""

import os
import sys

# One thread, before anything starts its own.
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
from proxsuite import proxqp

from peer import read, take_turns, write

dense = proxqp.dense


def main(folder, batch, n, m, tol, derivative):
    Q, p = read(folder, "Q", (batch, n, n)), read(folder, "p", (batch, n))
    G, h = read(folder, "G", (batch, m, n)), read(folder, "h", (batch, m))
    loss = np.concatenate([np.ones(n), np.zeros(m)])

    def one(i):
        qp = dense.QP(n, 0, m)
        qp.settings.eps_abs, qp.settings.eps_rel = tol, 0
        qp.init(Q[i], p[i], None, None, G[i], None, h[i])
        qp.solve()
        if not derivative:
            return qp, np.zeros(n)
        dense.compute_backward(qp, loss, 1e-9, 1e-9, 1e-9)
        return qp, qp.model.backward_data.dL_dg

    def run():
        return [one(i) for i in range(batch)]

    found = run()
    if not all(qp.results.info.status == proxqp.QPSolverOutput.PROXQP_SOLVED for qp, _ in found):
        sys.exit("ProxQP does not solve every program of the batch")
    write(folder, "x", [qp.results.x for qp, _ in found])
    write(folder, "gradient", [gradient for _, gradient in found])
    take_turns({"method": "ProxQP"}, run)


if __name__ == "__main__":
    numbers = sys.argv[2:]
    main(sys.argv[1], *map(int, numbers[:3]), float(numbers[3]), numbers[4] == "1")
