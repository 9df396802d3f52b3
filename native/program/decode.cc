#include "program/decode.h"

#include <bit>
#include <cstring>

#include "program/reader.h"
#include "program/validate.h"

namespace onestep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "a Program is little-endian, as this machine must be");

constexpr uint32_t kMagic = 0x31454E4F;
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderWords = 5;
constexpr int64_t kMaxLanes = 1 << 16;
constexpr int kMaxDepth = 64;

/** FNV-1a, 64 bits. */
uint64_t checksum(std::span<const uint8_t> bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

class Decoder {
 public:
  Decoder(Program& program, Reader words) : program_(program), words_(words) {}

  void run() {
    const int64_t lanes = words_.word("lanes");
    if (!validLanes(lanes) || lanes > kMaxLanes) {
      refuse("lanes a tile", "1 or a multiple of 8, at most " + std::to_string(kMaxLanes),
             std::to_string(lanes));
    }
    program_.lanes = lanes;
    for (size_t n = words_.count("kernels"); n > 0; --n)
      program_.kernels.push_back(words_.name("kernel name"));
    for (size_t n = words_.count("inputs", 2); n > 0; --n) program_.inputs.push_back(port("input"));
    for (size_t n = words_.count("outputs", 2); n > 0; --n) program_.outputs.push_back(port("output"));
    for (size_t n = words_.count("constants", 10); n > 0; --n) {
      words_.take(8, "constant hash");
      program_.constants.push_back(words_.size("constant size"));
    }
    for (size_t n = words_.count("immediates", 2); n > 0; --n) {
      program_.immediates.push_back(std::bit_cast<double>(words_.bits("immediate")));
    }
    for (size_t n = words_.count("values", 4); n > 0; --n) program_.values.push_back(value());
    for (size_t n = words_.count("slots", 4); n > 0; --n) program_.slots.push_back(slot());
    for (size_t n = words_.count("uniform inputs", 2); n > 0; --n) {
      const Index input = words_.index("uniform input", program_.inputs.size());
      program_.uniformInputs.push_back({input, values("value of a uniform input")});
    }
    for (size_t n = words_.count("uniform outputs", 2); n > 0; --n) {
      const Index value = values("value of a uniform output");
      program_.uniformOutputs.push_back({words_.index("uniform output", program_.outputs.size()), value});
    }
    program_.uniformArena = words_.size("uniform arena");
    program_.laneArena = words_.size("tile arena");
    for (size_t n = words_.count("stages", 2); n > 0; --n) program_.stages.push_back(stage());
    words_.end("the last stage");
    for (size_t i = 0; i < program_.values.size(); ++i) checkPlace(i);
  }

 private:
  /** A shape whose number of elements is put into `size`. */
  Shape shape(Reader& words, const char* what, int64_t& size) {
    const uint32_t rank = words.index(what, kMaxValueRank + 1);
    Shape shape;
    uint64_t product = 1;  // of the sizes that are not 0, so that strides fit too
    bool empty = false;
    for (const uint32_t d : words.take(rank, what)) {
      shape.push_back(d);
      empty = empty || d == 0;
      if (d == 0) continue;
      if (product > Reader::kMaxSize / d) refuse(words.at(what), "at most 2^36 elements", "a larger shape");
      product *= d;
    }
    size = empty ? 0 : static_cast<int64_t>(product);
    return shape;
  }

  Port port(const char* what) {
    Port port;
    port.uniform = words_.flag(what);
    port.shape = shape(words_, what, port.size);
    return port;
  }

  Value value() {
    Value value;
    value.space = static_cast<Space>(words_.index("value space", 5));
    value.offset = words_.size("value offset");
    value.shape = shape(words_, "value shape", value.size);
    value.perLane = value.space == Space::lane || (value.space == Space::slice && value.offset == 1);
    return value;
  }

  /** Whether value `i` lies in its space. */
  void checkPlace(size_t i) const {
    const Value& value = program_.values[i];
    const auto fits = [&](int64_t begin, int64_t size, int64_t room, const char* where) {
      if (begin <= room && size <= room - begin) return;
      refuse("value " + std::to_string(i), std::string("to lie in ") + where + " of " + std::to_string(room),
             std::to_string(begin) + " + " + std::to_string(size));
    };
    switch (value.space) {
      case Space::constant: {
        if (value.offset >= static_cast<int64_t>(program_.constants.size())) {
          refuse("value " + std::to_string(i),
                 "a constant below " + std::to_string(program_.constants.size()),
                 std::to_string(value.offset));
        }
        const int64_t held = program_.constants[static_cast<size_t>(value.offset)];
        if (held != value.size) {
          refuse("value " + std::to_string(i) + ", a constant", std::to_string(held) + " elements",
                 std::to_string(value.size));
        }
        return;
      }
      case Space::immediate:
        return fits(value.offset, value.size, static_cast<int64_t>(program_.immediates.size()),
                    "the immediates");
      case Space::uniform:
        return fits(value.offset, value.size, program_.uniformArena, "the uniform arena");
      case Space::lane:
        return fits(value.offset, value.size * program_.lanes, program_.laneArena, "the tile arena");
      case Space::slice:
        if (value.offset > 1) {
          refuse("the offset of slice " + std::to_string(i), "0 or 1", std::to_string(value.offset));
        }
        return;
    }
  }

  Slot slot() {
    Slot slot;
    slot.kind = static_cast<Slot::Kind>(words_.index("slot kind", 3));
    if (slot.kind == Slot::Kind::internal) {
      slot.index = words_.word("slot index");
      slot.size = words_.size("slot size");
      return slot;
    }
    const auto& ports = slot.kind == Slot::Kind::input ? program_.inputs : program_.outputs;
    slot.index = words_.index("slot index", ports.size());
    slot.size = words_.size("slot size");
    const Port& port = ports[slot.index];
    if (port.uniform || port.size != slot.size) {
      refuse(words_.at("slot"),
             "an input or output per instance of " + std::to_string(slot.size) + " doubles",
             port.uniform ? "a uniform one" : std::to_string(port.size));
    }
    return slot;
  }

  Stage stage() {
    Stage stage;
    stage.kind = static_cast<Stage::Kind>(words_.index("stage kind", 3));
    Reader words = words_.part("stage");
    if (stage.kind == Stage::Kind::uniform) {
      stage.block = block(words, 0);
    } else {
      for (size_t n = words.count("loads", 2); n > 0; --n) stage.loads.push_back(load(words));
      for (size_t n = words.count("stores", 2); n > 0; --n) {
        const Index value = values(words, "stored value");
        stage.stores.push_back({value, words.index("slot of a store", program_.slots.size())});
      }
      if (stage.kind == Stage::Kind::straight) {
        stage.block = block(words, 0);
      } else {
        stage.loop = loop(words, 0);
      }
    }
    words.end("a stage");
    return stage;
  }

  Load load(Reader& words) {
    const auto source = static_cast<int32_t>(words.word("source of a load"));
    const bool fromSlot = source >= 0;
    const auto index = static_cast<Index>(fromSlot ? source : -1 - source);
    const size_t bound = fromSlot ? program_.slots.size() : program_.values.size();
    if (index >= bound) {
      refuse(words.at("source of a load"), "an index below " + std::to_string(bound), std::to_string(index));
    }
    return {fromSlot, index, values(words, "loaded value")};
  }

  Index values(Reader& words, const char* what) { return words.index(what, program_.values.size()); }
  Index values(const char* what) { return values(words_, what); }

  std::vector<Index> values(Reader& words, size_t count, const char* what) {
    std::vector<Index> list(count);
    for (Index& value : list) value = values(words, what);
    return list;
  }

  std::vector<Carry> carries(Reader& words) {
    const size_t count = words.count("carries", 2);
    const auto carries = values(words, count, "carry");
    const auto results = values(words, count, "result");
    std::vector<Carry> list(count);
    for (size_t i = 0; i < count; ++i) list[i] = {carries[i], results[i]};
    return list;
  }

  While loop(Reader& words, int depth) {
    While loop;
    loop.carries = carries(words);
    loop.predicate = values(words, "predicate");
    loop.condition = block(words, depth);
    loop.body = block(words, depth);
    return loop;
  }

  Scan scan(Reader& words, int depth) {
    Scan scan;
    const uint32_t count = words.word("count of a scan");
    if (count != ~uint32_t{0}) {
      if (count >= program_.values.size()) {
        refuse(words.at("count of a scan"), "a value or −1", std::to_string(count));
      }
      scan.count = count;
    }
    scan.length = words.word("length of a scan");
    scan.reverse = words.flag("direction of a scan");
    scan.carries = carries(words);
    for (size_t n = words.count("sequences", 2); n > 0; --n) {
      const Index sequence = values(words, "sequence");
      scan.sequences.push_back({sequence, values(words, "slice")});
    }
    for (size_t n = words.count("stacked outputs", 2); n > 0; --n) {
      const Index stacked = values(words, "stacked output");
      scan.stacks.push_back({stacked, values(words, "stacked result")});
    }
    scan.body = block(words, depth);
    return scan;
  }

  Cond cond(Reader& words, int depth) {
    Cond cond;
    cond.predicate = values(words, "predicate");
    const size_t count = words.count("outputs of a cond", 3);
    const auto outputs = values(words, count, "output of a cond");
    const auto then = values(words, count, "result of a branch");
    const auto otherwise = values(words, count, "result of a branch");
    for (size_t i = 0; i < count; ++i) cond.choices.push_back({outputs[i], then[i], otherwise[i]});
    cond.then = block(words, depth);
    cond.otherwise = block(words, depth);
    return cond;
  }

  Block block(Reader& outer, int depth) {
    if (depth > kMaxDepth) {
      refuse(outer.at("block"), "blocks nested at most " + std::to_string(kMaxDepth) + " deep",
             "a deeper one");
    }
    Reader words = outer.part("block");
    Block block;
    while (words.left() > 0) block.push_back(instruction(words, depth + 1));
    return block;
  }

  Instruction instruction(Reader& outer, int depth) {
    Instruction instruction;
    instruction.kernel = program_.kernels[outer.index("kernel", program_.kernels.size())];
    Reader words = outer.part("instruction");
    const size_t inputs = words.count("inputs of an instruction");
    const size_t outputs = words.count("outputs of an instruction");
    if (inputs + outputs > words.left()) {
      refuse(words.at("instruction"), std::to_string(inputs + outputs) + " operands", "too few words");
    }
    instruction.inputs = values(words, inputs, "input");
    instruction.outputs = values(words, outputs, "output");
    if (instruction.kernel == "while") {
      instruction.control = loop(words, depth);
    } else if (instruction.kernel == "scan") {
      instruction.control = scan(words, depth);
    } else if (instruction.kernel == "cond") {
      instruction.control = cond(words, depth);
    } else {
      const auto rest = words.take(words.left(), "attributes");
      instruction.attributes.assign(rest.begin(), rest.end());
      return instruction;
    }
    if (inputs + outputs != 0) {
      refuse(words.at("control instruction"), "no inputs and outputs beside its own lists",
             std::to_string(inputs + outputs));
    }
    words.end("control instruction");
    return instruction;
  }

  Program& program_;
  Reader words_;
};

}  // namespace

std::shared_ptr<const Program> decode(std::span<const uint8_t> bytes) {
  if (bytes.size() % 4 != 0 || bytes.size() / 4 < kHeaderWords) {
    refuse("the buffer", "whole words, at least " + std::to_string(kHeaderWords),
           std::to_string(bytes.size()) + " bytes");
  }
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), bytes.size());
  if (words[0] != kMagic)
    refuse("the buffer does not begin as a Program does", "ONE1", std::to_string(words[0]));
  if (words[1] != kVersion)
    refuse("it is of another version", std::to_string(kVersion), std::to_string(words[1]));
  if (words[2] != bytes.size()) {
    refuse("it is cut short or has gained something", std::to_string(words[2]) + " bytes",
           std::to_string(bytes.size()));
  }
  if (checksum(bytes.subspan(kHeaderWords * 4)) != (static_cast<uint64_t>(words[4]) << 32 | words[3])) {
    refuse("its checksum is wrong", "the bytes that were written", "other bytes");
  }
  auto program = std::make_shared<Program>();
  Decoder(*program, Reader(std::span(words).subspan(kHeaderWords), kHeaderWords)).run();
  validate(*program);
  return program;
}

}  // namespace onestep
