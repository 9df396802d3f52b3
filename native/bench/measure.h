// Timing of short functions, medians of repeated batches, and their report as lines of JSON.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace onestep::bench {

/** Numbers on a cache line boundary, as the arenas of the executor are. */
template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  explicit Aligned(const Aligned<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const Aligned&) const { return true; }
};
using Values = std::vector<double, Aligned<double>>;

/** Seconds of processor time that this thread has had, which other programs do not lengthen. */
inline double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/**
 * Seconds a call of each function, measured side by side: batches of at least `batch` seconds take turns,
 * and each function's median over the rounds is returned.
 */
inline std::vector<double> sideBySide(const std::vector<std::function<void()>>& functions, int rounds = 9,
                                      double batch = 2e-3) {
  std::vector<std::vector<double>> times(functions.size());
  std::vector<int64_t> calls(functions.size(), 1);
  for (size_t f = 0; f < functions.size(); ++f) {
    functions[f]();
    for (;;) {
      const double start = now();
      for (int64_t i = 0; i < calls[f]; ++i) functions[f]();
      const double seconds = now() - start;
      if (seconds >= batch) break;
      calls[f] =
          seconds * 2 < batch ? calls[f] * 2 : static_cast<int64_t>(static_cast<double>(calls[f]) * 1.3) + 1;
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (size_t f = 0; f < functions.size(); ++f) {
      const double start = now();
      for (int64_t i = 0; i < calls[f]; ++i) functions[f]();
      times[f].push_back((now() - start) / static_cast<double>(calls[f]));
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + static_cast<long>(t.size() / 2), t.end());
    medians.push_back(t[t.size() / 2]);
  }
  return medians;
}

/** A key and its number, of whatever type. */
struct Entry {
  template <class T>
  Entry(const char* key, T value) : key(key), value(static_cast<double>(value)) {}
  const char* key;
  double value;
};

/** One line: {"name": …, key: value, …}. */
inline void report(const std::string& name, const std::vector<Entry>& values) {
  std::printf("{\"name\": \"%s\"", name.c_str());
  for (const auto& [key, value] : values) std::printf(", \"%s\": %.4g", key, value);
  std::printf("}\n");
  std::fflush(stdout);
}

}  // namespace onestep::bench
