"""What every peer does: it is started with a folder of numbers, says what computes, and then takes turns.

First line out: JSON about what computes. Then for each number of calls that comes in on a line, the seconds of processor time that they took.
"""

import ctypes
import json
import os
import sys
import time

import numpy as np


def read(folder, name, shape):
    return np.fromfile(os.path.join(folder, name + ".f64")).reshape(shape)


def write(folder, name, values):
    np.ascontiguousarray(values, dtype=np.float64).tofile(os.path.join(folder, name + ".f64"))


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


def seconds(run, calls=1):
    """Processor time of so many calls, on all threads."""
    start = time.process_time()
    for _ in range(calls):
        run()
    return time.process_time() - start


def take_turns(about, run):
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(seconds(run, int(line)), flush=True)
