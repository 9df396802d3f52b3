"""The peer of the uneven batch: fixed points x = rho Q x + theta in lock-step, all of them until the slowest has converged.

Started with a folder that holds Q.f64 [d, d], rho.f64 [batch] and theta.f64 [batch, d], and the numbers batch, d, the largest number of steps.
Leaves x.f64 [batch, d] and the gradient of |x|^2 / 2, in gradientTheta.f64 [batch, d] and gradientRho.f64 [batch]. With JAX, every method that
can be imported is compiled and tried, and the fastest plays; without it, NumPy does.
"""

import os
import sys

# One thread, before anything starts its own.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
from peer import blas, read, seconds, take_turns, write

TOL = 1e-8


def numpy_methods(Q, rho, theta, most):
    """Finished instances keep their x; a step computes all of them."""

    def run():
        x = np.zeros_like(theta)
        for _ in range(most):
            following = rho[:, None] * (x @ Q.T) + theta
            onward = np.linalg.norm(following - x, axis=1, keepdims=True) > TOL
            if not onward.any():
                break
            x = np.where(onward, following, x)
        system = np.eye(len(Q)) - rho[:, None, None] * Q.T
        nu = np.linalg.solve(system, x[:, :, None])[:, :, 0]
        return x, nu, np.sum((x @ Q.T) * nu, axis=1)

    return {f"NumPy {np.__version__} in lock-step (no JAX)": run}


def jax_methods(Q, rho, theta, most):
    """Compiled, vmapped loops; each gives x and the gradients of all instances."""
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax import lax, numpy as jnp

    rho, theta, Q = jnp.array(rho), jnp.array(theta), jnp.array(Q)

    def F(x, p):
        return p[0] * (Q @ x) + p[1]

    def pull(r, x, nu):
        return x, nu, jnp.dot(Q @ x, nu)

    def differentiated(find):
        """x and the gradient of |x|^2 / 2 by the library's own implicit differentiation."""

        def one(r, t):
            def loss(p):
                x = find(p)
                return 0.5 * jnp.dot(x, x), x

            (_, x), (dr, dt) = jax.value_and_grad(loss, has_aux=True)((r, t))
            return x, dt, dr

        return one

    def by_hand(r, t):
        """A while_loop, then (I - rho Q')^-1 by LU."""

        def onward(state):
            k, x, following = state
            return (jnp.linalg.norm(following - x) > TOL) & (k < most)

        def step(state):
            k, _, x = state
            return k + 1, x, F(x, (r, t))

        zero = jnp.zeros_like(t)
        _, x, _ = lax.while_loop(onward, step, (0, zero, F(zero, (r, t))))
        return pull(r, x, jnp.linalg.solve(jnp.eye(len(t)) - r * Q.T, x))

    methods = {"a while_loop by hand": by_hand}
    try:
        import jaxopt

        for name in ("normal_cg", "lu"):
            solver = jaxopt.FixedPointIteration(
                F, maxiter=most, tol=TOL, implicit_diff=True, implicit_diff_solve=getattr(jaxopt.linear_solve, f"solve_{name}")
            )
            methods[f"jaxopt FixedPointIteration, {name}"] = differentiated(
                lambda p, solver=solver: solver.run(jnp.zeros_like(p[1]), p).params
            )
    except ImportError:
        pass
    try:
        import optimistix

        solver = optimistix.FixedPointIteration(rtol=0, atol=TOL, norm=optimistix.two_norm)
        methods["optimistix FixedPointIteration, ImplicitAdjoint"] = differentiated(
            lambda p: optimistix.fixed_point(F, solver, jnp.zeros_like(p[1]), p, max_steps=most, throw=False).value
        )
    except ImportError:
        pass

    def compiled(method):
        batch = jax.jit(jax.vmap(method)).lower(rho, theta).compile()
        return lambda: jax.block_until_ready(batch(rho, theta))

    return {f"JAX {jax.__version__}, vmap, {name}": compiled(method) for name, method in methods.items()}


def main(folder, batch, d, most):
    problem = read(folder, "Q", (d, d)), read(folder, "rho", (batch,)), read(folder, "theta", (batch, d)), most
    try:
        methods = jax_methods(*problem)
    except ImportError:
        methods = numpy_methods(*problem)
    for run in methods.values():
        run()
    times = {name: min(seconds(run) for _ in range(2)) for name, run in methods.items()}
    method = min(times, key=times.get)
    for name, values in zip(("x", "gradientTheta", "gradientRho"), methods[method]()):
        write(folder, name, values)
    take_turns({"method": method, "tried": times, **({"blas": blas()} if "NumPy" in method else {})}, methods[method])


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
