// What a decoded Program must keep to, so that running it touches only memory that it has set.
#pragma once

#include "program/program.h"

namespace onestep {

/**
 * Checks the blocks of all stages: uniform code reads and writes uniform values only, lane code writes lane
 * values only; slices are read inside their scan; carries, results and predicates have fitting sizes; memory
 * is shared only as docs/program-format.md allows; slots are stored before they are loaded, and every output
 * is written.
 * @throws Error ERR_PROGRAM
 */
void validate(const Program& program);

}  // namespace onestep
