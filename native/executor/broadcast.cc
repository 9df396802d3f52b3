#include "executor/broadcast.h"

#include "kernels/elementwise.h"

namespace onestep {

Broadcast::Broadcast(const Call& call, const Shape& operand, bool perLane, const Shape& shape,
                     int64_t lanes) {
  call.require(operand.size() <= shape.size(), "inputs that broadcast to " + format(shape));
  const size_t skip = shape.size() - operand.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t size = i < skip ? 1 : operand[i - skip];
    call.require(size == 1 || size == shape[i], "inputs that broadcast to " + format(shape));
    add(shape[i], size != 1);
  }
  add(lanes, perLane);
}

void Broadcast::add(int64_t size, bool present) {
  if (size == 1) return;
  if (count_ > 0 && runs_[count_ - 1].present == present) {
    runs_[count_ - 1].size *= size;
  } else {
    runs_[count_++] = {size, present};
  }
}

Broadcast::Kind Broadcast::kind() const {
  if (count_ == 0) return Kind::direct;
  if (count_ == 1) return runs_[0].present ? Kind::direct : Kind::scalar;
  return count_ == 2 && runs_[1].present ? Kind::periodic : Kind::other;
}

void Broadcast::load(double* out, const double* operand, int64_t start, int64_t n) const {
  // The last two runs are one segment, in which the operand is repeated as a whole or element by element.
  const Run& last = runs_[count_ - 1];
  const Run& before = runs_[count_ - 2];
  const int64_t segment = before.size * last.size;
  while (n > 0) {
    const int64_t within = start % segment;
    const int64_t count = std::min(segment - within, n);
    int64_t rest = start / segment;
    int64_t stride = last.present ? last.size : before.size;
    const double* from = operand;
    for (size_t k = count_ - 2; k-- > 0;) {
      if (runs_[k].present) {
        from += rest % runs_[k].size * stride;
        stride *= runs_[k].size;
      }
      rest /= runs_[k].size;
    }
    const auto copy = last.present ? tileRepeat : repeatEach;
    copy(out, from, static_cast<size_t>(last.size), static_cast<size_t>(within), static_cast<size_t>(count));
    out += count;
    start += count;
    n -= count;
  }
}

}  // namespace onestep
