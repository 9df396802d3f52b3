#include "tests/race/case.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"

namespace onestep::tests {
namespace {

class Words {
 public:
  explicit Words(const std::filesystem::path& path) : path_(path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }

  std::span<const uint8_t> bytes(int64_t length) {
    const auto padded = static_cast<size_t>((length + 7) / 8 * 8);
    if (length < 0 || bytes_.size() - at_ < padded) {
      throw Error("ERR_ARGUMENT", path_.string() + " ends too early: let a test write it again.");
    }
    const auto* data = reinterpret_cast<const uint8_t*>(bytes_.data()) + at_;
    at_ += padded;
    return {data, static_cast<size_t>(length)};
  }
  int64_t word() {
    int64_t word = 0;
    std::memcpy(&word, bytes(sizeof(word)).data(), sizeof(word));
    return word;
  }
  std::vector<Values> arrays() {
    std::vector<Values> arrays(static_cast<size_t>(word()));
    for (Values& array : arrays) {
      array.resize(static_cast<size_t>(word()));
      const auto from = bytes(static_cast<int64_t>(array.size() * sizeof(double)));
      std::copy(from.begin(), from.end(), reinterpret_cast<uint8_t*>(array.data()));
    }
    return arrays;
  }

 private:
  std::filesystem::path path_;
  std::vector<char> bytes_;
  size_t at_ = 0;
};

Case readCase(const std::filesystem::path& path) {
  Words words(path);
  Case c;
  c.name = path.stem().string();
  c.batch = words.word();
  c.tallied = words.word();
  c.plan = Plan::load(words.bytes(words.word()));
  c.constants = words.arrays();
  c.inputs = words.arrays();
  c.outputs = words.arrays();
  return c;
}

}  // namespace

std::vector<Case> readCases(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Case> cases;
  for (const auto& path : paths) cases.push_back(readCase(path));
  return cases;
}

}  // namespace onestep::tests
