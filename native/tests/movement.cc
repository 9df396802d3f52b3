// Movement against plain index arithmetic, for random shapes up to eight dimensions, and tiles.
#include "kernels/movement.h"

#include "kernels/tiles.h"
#include "tests/tiles.h"

namespace onestep::tests {
namespace {

using Shape = std::vector<int64_t>;

int64_t sizeOf(const Shape& shape) {
  int64_t size = 1;
  for (const int64_t n : shape) size *= n;
  return size;
}

/** Calls visit(index) for every index of a shape, the last dimension fastest. */
template <class Visit>
void forEach(const Shape& shape, Visit visit) {
  Shape index(shape.size());
  for (int64_t i = 0; i < sizeOf(shape); ++i) {
    int64_t rest = i;
    for (size_t d = shape.size(); d-- > 0;) {
      index[d] = rest % shape[d];
      rest /= shape[d];
    }
    visit(index);
  }
}

size_t flat(const Shape& shape, const Shape& index) {
  int64_t at = 0;
  for (size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + index[d];
  return static_cast<size_t>(at);
}

Shape randomShape(int rank, Random& random) {
  Shape shape(static_cast<size_t>(rank));
  for (int64_t& n : shape) n = random.below(rank > 5 ? 3 : 6) + (random.below(12) == 0 ? 0 : 1);
  return shape;
}

void expectSame(Check& check, const char* name, const Values& out, const Values& expected) {
  check.expect(out == expected, "%s: %zu numbers differ from the plain loop", name, out.size());
}

void testShapes(Check& check, Random& random) {
  const int rank = static_cast<int>(random.below(9));
  const auto dims = static_cast<size_t>(rank);
  Shape shape = randomShape(rank, random);
  if (rank == 2 && random.below(2) == 0) shape = {random.below(70), random.below(70)};
  const Values in = random.values(sizeOf(shape));

  Shape axes(dims), permuted(dims);
  for (size_t d = 0; d < dims; ++d) axes[d] = static_cast<int64_t>(d);
  for (size_t d = dims; d-- > 1;)
    std::swap(axes[d], axes[static_cast<size_t>(random.below(static_cast<int64_t>(d) + 1))]);
  for (size_t d = 0; d < dims; ++d) permuted[d] = shape[static_cast<size_t>(axes[d])];
  Values out(in.size()), expected(in.size());
  permute(out.data(), in.data(), rank, shape.data(), axes.data());
  forEach(permuted, [&](const Shape& index) {
    Shape source(dims);
    for (size_t d = 0; d < dims; ++d) source[static_cast<size_t>(axes[d])] = index[d];
    expected[flat(permuted, index)] = in[flat(shape, source)];
  });
  expectSame(check, "permute", out, expected);

  Shape narrow = shape;
  for (int64_t& n : narrow) n = random.below(2) == 0 ? 1 : n;
  const Values few = random.values(sizeOf(narrow));
  broadcast(out.data(), few.data(), rank, shape.data(), narrow.data());
  forEach(shape, [&](const Shape& index) {
    Shape source = index;
    for (size_t d = 0; d < dims; ++d) source[d] = narrow[d] == 1 ? 0 : index[d];
    expected[flat(shape, index)] = few[flat(narrow, source)];
  });
  expectSame(check, "broadcast", out, expected);

  Shape start(dims), step(dims), cut(dims);
  for (size_t d = 0; d < dims; ++d) {
    step[d] = random.below(5) - 2;
    if (step[d] == 0) step[d] = 1;
    start[d] = shape[d] == 0 ? 0 : random.below(shape[d]);
    cut[d] =
        shape[d] == 0 ? 0 : (step[d] > 0 ? (shape[d] - 1 - start[d]) / step[d] : start[d] / -step[d]) + 1;
  }
  Values piece(static_cast<size_t>(sizeOf(cut))), wanted(piece.size());
  slice(piece.data(), in.data(), rank, shape.data(), cut.data(), start.data(), step.data());
  forEach(cut, [&](const Shape& index) {
    Shape source(dims);
    for (size_t d = 0; d < dims; ++d) source[d] = start[d] + index[d] * step[d];
    wanted[flat(cut, index)] = in[flat(shape, source)];
  });
  expectSame(check, "slice", piece, wanted);

  Shape low(dims), high(dims), interior(dims), wide(dims);
  for (size_t d = 0; d < dims; ++d) {
    interior[d] = random.below(3);
    const int64_t spread = shape[d] + std::max<int64_t>(shape[d] - 1, 0) * interior[d];
    low[d] = random.below(5) - 2;
    high[d] = std::max(random.below(5) - 2, -spread - low[d]);
    low[d] = std::max(low[d], -spread - high[d]);
    wide[d] = low[d] + spread + high[d];
  }
  if (sizeOf(wide) > 200000) return;
  Values padded(static_cast<size_t>(sizeOf(wide))), field(padded.size(), 7.5);
  pad(padded.data(), in.data(), rank, shape.data(), low.data(), high.data(), interior.data(), 7.5);
  forEach(shape, [&](const Shape& index) {
    Shape target(dims);
    bool inside = true;
    for (size_t d = 0; d < dims; ++d) {
      target[d] = low[d] + index[d] * (1 + interior[d]);
      inside = inside && target[d] >= 0 && target[d] < wide[d];
    }
    if (inside) field[flat(wide, target)] = in[flat(shape, index)];
  });
  expectSame(check, "pad", padded, field);
}

void testAxis(Check& check, int64_t outer, int64_t axis, int64_t inner, Random& random) {
  const Shape shape = {outer, axis, inner};
  const Values in = random.values(sizeOf(shape));
  Values joined(in.size());
  int64_t offset = 0;
  while (offset < axis) {
    const int64_t piece = 1 + random.below(axis - offset);
    Values part(static_cast<size_t>(outer * piece * inner));
    const Shape cut = {outer, piece, inner}, start = {0, offset, 0}, step = {1, 1, 1};
    slice(part.data(), in.data(), 3, shape.data(), cut.data(), start.data(), step.data());
    concatPiece(joined.data(), part.data(), outer, axis, inner, offset, piece);
    offset += piece;
  }
  expectSame(check, "concatPiece", joined, in);

  std::vector<int32_t> indices;
  for (int64_t j = 0; j < 7 && axis > 0; ++j) indices.push_back(static_cast<int32_t>(random.below(axis)));
  const auto count = static_cast<int64_t>(indices.size());
  Values taken(static_cast<size_t>(outer * count * inner)), expected(taken.size());
  gather(taken.data(), in.data(), outer, axis, inner, indices.data(), count);
  forEach({outer, count, inner}, [&](const Shape& i) {
    expected[flat({outer, count, inner}, i)] =
        in[flat(shape, {i[0], indices[static_cast<size_t>(i[1])], i[2]})];
  });
  expectSame(check, "gather", taken, expected);
  Values sums(in.size(), 0.5), added(in.size(), 0.5);
  scatterAdd(sums.data(), taken.data(), outer, axis, inner, indices.data(), count);
  forEach({outer, count, inner}, [&](const Shape& i) {
    added[flat(shape, {i[0], indices[static_cast<size_t>(i[1])], i[2]})] +=
        taken[flat({outer, count, inner}, i)];
  });
  expectSame(check, "scatterAdd", sums, added);
}

void testMatrices(Check& check, int64_t outer, int64_t rows, int64_t cols, int64_t inner, Random& random) {
  const Shape shape = {outer, rows, cols, inner};
  const Values in = random.values(sizeOf(shape));
  for (const Triangle kept : {Triangle::lower, Triangle::upper}) {
    for (int64_t offset = -rows - 1; offset <= cols + 1; ++offset) {
      Values out(in.size(), kNaN), expected(in.size()), inPlace = in;
      triangle(out.data(), in.data(), kept, outer, rows, cols, inner, offset);
      triangle(inPlace.data(), inPlace.data(), kept, outer, rows, cols, inner, offset);
      forEach(shape, [&](const Shape& i) {
        const bool keeps = kept == Triangle::lower ? i[2] <= i[1] + offset : i[2] >= i[1] + offset;
        expected[flat(shape, i)] = keeps ? in[flat(shape, i)] : 0;
      });
      expectSame(check, "triangle", out, expected);
      expectSame(check, "triangle in place", inPlace, expected);
    }
  }
  if (rows != cols) return;
  Values line(static_cast<size_t>(outer * rows * inner)), expected(line.size()), square(in.size()),
      wanted(in.size());
  diagonal(line.data(), in.data(), outer, rows, inner);
  forEach({outer, rows, inner}, [&](const Shape& i) {
    expected[flat({outer, rows, inner}, i)] = in[flat(shape, {i[0], i[1], i[1], i[2]})];
    wanted[flat(shape, {i[0], i[1], i[1], i[2]})] = expected[flat({outer, rows, inner}, i)];
  });
  expectSame(check, "diagonal", line, expected);
  diagonalEmbed(square.data(), line.data(), outer, rows, inner);
  expectSame(check, "diagonalEmbed", square, wanted);
}

void testTiles(Check& check, int64_t size, int64_t lanes, Random& random) {
  const int64_t instances = 40;
  const Values batch = random.values(instances * size);
  std::vector<int64_t> index(static_cast<size_t>(lanes));
  for (int64_t& i : index) i = random.below(instances);
  for (const bool holes : {false, true}) {
    for (size_t t = 0; t < index.size() && holes; t += 3) index[t] = -1;
    Values tile(static_cast<size_t>(size * lanes), 9), expected = tile, back(batch.size(), 8), stored = back;
    loadTile(tile.data(), batch.data(), size, lanes, index.data());
    for (int64_t t = 0; t < lanes; ++t) {
      const int64_t i = index[static_cast<size_t>(t)];
      if (i < 0) continue;
      setLane(expected, lanes, t, {batch.begin() + i * size, batch.begin() + (i + 1) * size});
      std::copy_n(batch.begin() + i * size, size, stored.begin() + i * size);
    }
    expectSame(check, "loadTile", tile, expected);
    storeTile(back.data(), tile.data(), size, lanes, index.data());
    expectSame(check, "storeTile", back, stored);
  }
  const int64_t lane = random.below(lanes);
  Values tile(static_cast<size_t>(size * lanes), 9), expected = tile, one(static_cast<size_t>(size));
  loadLane(tile.data(), batch.data() + 5 * size, size, lanes, lane);
  setLane(expected, lanes, lane, {batch.begin() + 5 * size, batch.begin() + 6 * size});
  expectSame(check, "loadLane", tile, expected);
  storeLane(one.data(), tile.data(), size, lanes, lane);
  expectSame(check, "storeLane", one, {batch.begin() + 5 * size, batch.begin() + 6 * size});
}

}  // namespace

void testMovement(Check& check) {
  Random random(6);
  for (int i = 0; i < 1500; ++i) testShapes(check, random);
  for (const int64_t inner : {1, 3, 8, 64}) {
    for (const int64_t axis : {0, 1, 2, 5, 17}) testAxis(check, 3, axis, inner, random);
    for (const auto& [rows, cols] :
         {std::pair<int64_t, int64_t>{0, 0}, {1, 1}, {3, 3}, {8, 8}, {2, 5}, {5, 2}}) {
      testMatrices(check, 2, rows, cols, inner, random);
    }
  }
  for (const int64_t size : {0, 1, 2, 3, 5, 8, 10, 17, 33, 64, 100}) {
    for (const int64_t lanes : {1, 8, 16, 24, 64}) testTiles(check, size, lanes, random);
  }
}

}  // namespace onestep::tests
