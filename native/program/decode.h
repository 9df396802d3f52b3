// From the bytes of a Program to a Program. See docs/program-format.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "program/program.h"

namespace onestep {

/**
 * The Program that `bytes` hold. Checked are the checksum, every length and index, that every value lies in
 * its space and every slot fits what it meets, and what `validate` checks; whether shapes fit the kernels is
 * left to whoever knows the kernels.
 * @throws Error ERR_PROGRAM
 */
std::shared_ptr<const Program> decode(std::span<const uint8_t> bytes);

}  // namespace onestep
