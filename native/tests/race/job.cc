// One job of many threads, as the pool runs it: each thread takes part with a seat and an epoch of its own,
// again when it gave way; a main thread tells them to give way or to end, reads how far they are, and puts
// back what the dead held. However all this is interleaved, every instance that is finished has the bits that
// one thread alone gives it.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>

#include "executor/execution.h"
#include "tests/race/race.h"

namespace onestep::tests {
namespace {

constexpr int64_t kThreads = 4;

int64_t doublesFor(int64_t bytes) { return (bytes + 7) / static_cast<int64_t>(sizeof(double)); }

/** Outputs in which nothing stands. */
std::vector<Values> untouched(const std::vector<Values>& like) {
  std::vector<Values> outputs;
  for (const Values& values : like)
    outputs.emplace_back(values.size(), std::bit_cast<double>(0x7ff8dead0000beef));
  return outputs;
}

bool same(const Values& a, const Values& b, size_t begin, size_t size) {
  return std::memcmp(a.data() + begin, b.data() + begin, size * sizeof(double)) == 0;
}

void point(Execution& execution, const Case& c, std::vector<Values>& outputs) {
  Request& request = execution.request();
  request = {};
  for (const Values& input : c.inputs) request.inputs.push_back(input.data());
  for (Values& output : outputs) request.outputs.push_back(output.data());
}

/** Threads' own memory, which they keep from job to job. */
class Crew {
 public:
  explicit Crew(const Case& c) {
    std::vector<const double*> constants;
    for (const Values& constant : c.constants) constants.push_back(constant.data());
    for (int64_t seat = 0; seat < kThreads; ++seat) {
      executions_.push_back(std::make_unique<Execution>(c.plan, constants));
    }
  }
  Execution& operator[](int64_t seat) { return *executions_[static_cast<size_t>(seat)]; }

 private:
  std::vector<std::unique_ptr<Execution>> executions_;
};

/** What one thread alone computes. */
struct Reference {
  std::vector<Values> outputs;
  Statistics statistics;
};

Reference alone(Check& check, const Case& c, Crew& crew) {
  Reference reference{untouched(c.outputs), {}};
  for (const int64_t chunkBytes : {kDefaultChunkBytes, int64_t{1}}) {
    reference.outputs = untouched(c.outputs);
    point(crew[0], c, reference.outputs);
    reference.statistics = crew[0].run(c.batch, chunkBytes, Poll());
    for (size_t k = 0; k < c.outputs.size(); ++k) {
      bool agrees = true;
      for (size_t i = 0; i < c.outputs[k].size(); ++i)
        agrees = agrees && identical(reference.outputs[k][i], c.outputs[k][i]);
      check.expect(agrees, "%s: output %zu of one thread, %ld bytes between stages, is not that of the file",
                   c.name.c_str(), k, static_cast<long>(chunkBytes));
    }
  }
  return reference;
}

/** How a round is disturbed. */
struct Plot {
  /** Of what lies between stages. */
  int64_t chunkBytes;
  double sliceMilliseconds;
  bool givesWay;
  /** So many times at most a thread dies. */
  int64_t deaths;
  /** Beats after which a thread dies, at most. */
  int64_t beats;
  /** When so many instances have ended, the job is. */
  std::optional<int64_t> end;
};

Plot draw(Random& random, int64_t batch) {
  const int64_t chunks[] = {1, 1 << 12, kDefaultChunkBytes};
  Plot plot{.chunkBytes = chunks[random.below(3)],
            .sliceMilliseconds = random.below(2) == 0 ? 0 : 0.02,
            .givesWay = random.below(4) != 0,
            .deaths = random.below(3) == 0 ? 1 + random.below(12) : 0,
            .beats = int64_t{1} << random.below(8),
            .end = {}};
  if (random.below(3) == 0) plot.end = random.below(std::max<int64_t>(1, batch / 2));
  return plot;
}

struct Counters {
  int64_t finished = 0, laneSlots = 0, iterations = 0, tally[Seat::kCodes] = {};
};

Counters read(const JobBlock& block) {
  const auto value = [](int64_t& counter) {
    return std::atomic_ref(counter).load(std::memory_order_relaxed);
  };
  Counters sum;
  for (int64_t i = 0; i < block.seats(); ++i) {
    Seat& seat = block.seat(i);
    sum.finished += value(seat.finished);
    sum.laneSlots += value(seat.laneSlots);
    sum.iterations += value(seat.iterations);
    for (int64_t code = 0; code < Seat::kCodes; ++code) sum.tally[code] += value(seat.tally[code]);
  }
  return sum;
}

class Round {
 public:
  Round(Check& check, const Case& c, const Reference& reference, Crew& crew, UniformArena uniform, Seen& seen)
      : check_(check),
        case_(c),
        reference_(reference),
        crew_(crew),
        uniform_(uniform),
        seen_(seen),
        number_(seen.rounds++),
        random_(static_cast<uint64_t>(number_) + 1),
        plot_(draw(random_, c.batch)),
        shape_{.batch = c.batch,
               .positions = JobBlock::positionsFor(*c.plan, c.batch, kThreads, plot_.chunkBytes),
               .seats = kThreads},
        memory_(doublesFor(JobBlock::bytes(*c.plan, shape_))),
        block_(JobBlock::open(*c.plan, shape_, memory_.data())),
        outputs_(untouched(c.outputs)),
        deathsLeft_(plot_.deaths) {}

  void run() {
    // What depends on constants only is kept from job to job.
    if (!case_.plan->program().uniformInputs.empty()) uniform_.reset();
    std::vector<std::thread> threads;
    working_ = kThreads;
    for (int64_t seat = 0; seat < kThreads; ++seat) {
      point(crew_[seat], case_, outputs_);
      threads.emplace_back([this, seat] { occupy(seat); });
    }
    begin_.arrive_and_wait();
    supervise();
    for (std::thread& thread : threads) thread.join();
    judge();
  }

 private:
  struct Death {
    Owner owner;
    std::binary_semaphore* buried;
  };

  /** Takes part again and again until nothing waits for this seat. */
  void occupy(int64_t seat) {
    Random random(static_cast<uint64_t>(number_ * kThreads + seat));
    const JobBlock block = JobBlock::join(*case_.plan, memory_.data(), JobBlock::bytes(*case_.plan, shape_));
    begin_.arrive_and_wait();
    for (;;) {
      const bool dies = deathsLeft_.fetch_sub(1, std::memory_order_relaxed) > 0;
      const Turn turn{.seat = seat,
                      .epoch = nextEpoch.fetch_add(1, std::memory_order_relaxed),
                      .sliceMilliseconds = plot_.sliceMilliseconds,
                      .tallied = case_.tallied,
                      .faultAfter = dies ? random.below(plot_.beats) : -1};
      const Outcome outcome = crew_[seat].join(block, uniform_, turn);
      if (outcome == Outcome::fault) {
        std::binary_semaphore buried(0);
        {
          const std::lock_guard lock(desk_);
          dead_.push_back({ownerOf(turn.seat, turn.epoch), &buried});
        }
        buried.acquire();
      } else if (outcome == Outcome::gaveWay) {
        gaveWay_.fetch_add(1, std::memory_order_relaxed);
      } else {
        break;
      }
    }
    working_.fetch_sub(1, std::memory_order_relaxed);
  }

  void bury() {
    std::vector<Death> dead;
    {
      const std::lock_guard lock(desk_);
      dead.swap(dead_);
    }
    for (const Death& death : dead) {
      uniform_.putBack(death.owner);
      seen_.putBack += block_.putBack(death.owner);
      died_ = true;
      death.buried->release();
    }
  }

  void supervise() {
    int64_t before = 0;
    bool ordered = true;
    while (working_.load(std::memory_order_relaxed) > 0) {
      bury();
      const int64_t ended = read(block_).finished + block_.crashed();
      ordered = ordered && before <= ended && ended <= case_.batch;
      before = ended;
      if (!cut_ && plot_.end && ended >= *plot_.end) {
        cut_ = true;
        block_.setSignal(Signal::abort);
      }
      if (!cut_ && plot_.givesWay) block_.setSignal(random_.below(2) == 0 ? Signal::giveWay : Signal::go);
      if (random_.below(2) == 0) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(random_.below(200)));
      }
    }
    expect(ordered, "the number of instances that ended went back, or beyond the batch");
  }

  void judge() {
    int64_t finished = 0, crashed = 0, wrong = 0, halves = 0, tally[Seat::kCodes] = {};
    for (int64_t i = 0; i < case_.batch; ++i) {
      const uint8_t state = block_.state(i);
      const bool done = (state & InstanceState::kFinished) != 0;
      finished += done ? 1 : 0;
      crashed += (state & InstanceState::kCrashed) != 0 ? 1 : 0;
      for (size_t k = 0; k < outputs_.size(); ++k) compare(k, i, done, wrong, halves);
      if (!done || case_.tallied < 0) continue;
      const double code = reference_.outputs[static_cast<size_t>(case_.tallied)][static_cast<size_t>(i)];
      if (code >= 0 && code < Seat::kCodes) ++tally[static_cast<int64_t>(code)];
    }
    expect(wrong == 0, "finished instances have other bits than one thread gives them", wrong);
    expect(halves == 0, "unfinished instances have outputs that are neither untouched nor right", halves);

    const bool whole = finished + crashed == case_.batch;
    expect(whole || cut_, "instances were lost", case_.batch - finished - crashed);
    const Counters counters = read(block_);
    expect(counters.finished == finished, "instances are finished, but the counters say otherwise", finished);
    expect(block_.crashed() == crashed, "instances are crashed, but the counter says otherwise", crashed);
    expect(crashed == 0 || died_, "instances are crashed, but nobody died", crashed);
    expect(counters.laneSlots >= counters.iterations, "more lanes were needed than there were");
    for (int64_t code = 0; code < Seat::kCodes; ++code) {
      expect(counters.tally[code] == tally[code], "instances have this code, but the counter says otherwise",
             code);
    }
    if (!cut_ && !died_) {
      const int64_t needed = reference_.statistics.iterations;
      expect(counters.iterations == needed, "iterations, but instances need other ones", counters.iterations);
    }
    if (whole) judgeRows();
    seen_.gaveWay += gaveWay_.load(std::memory_order_relaxed);
    seen_.crashed += crashed;
    seen_.cut += whole ? 0 : 1;
  }

  /** When all is done, nothing is put aside any more. */
  void judgeRows() {
    const bool parks = case_.plan->parkSize() > 0;
    const int64_t all = parks ? 2 * kThreads * case_.plan->program().lanes : 0;
    int64_t rows = 0;
    while (rows < all && block_.parkingRow() >= 0) ++rows;
    expect(rows == all, "rows are free in the end, not all of them", rows);
    const int64_t none = block_.parkingRow();
    expect(none == -1, "is the row after the last one, instead of -1", none);
  }

  void compare(size_t output, int64_t instance, bool done, int64_t& wrong, int64_t& halves) {
    const Values& expected = reference_.outputs[output];
    const bool uniform = case_.plan->program().outputs[output].uniform;
    const size_t size = uniform ? expected.size() : expected.size() / static_cast<size_t>(case_.batch);
    const size_t begin = uniform ? 0 : static_cast<size_t>(instance) * size;
    const bool right = same(outputs_[output], expected, begin, size);
    if (done && !right) ++wrong;
    if (done || right) return;
    const Values nothing = untouched({Values(size)})[0];
    if (std::memcmp(outputs_[output].data() + begin, nothing.data(), size * sizeof(double)) != 0) ++halves;
  }

  void expect(bool holds, const char* what, int64_t number = 0) {
    check_.expect(holds, "%s, round %ld: %ld: %s", case_.name.c_str(), static_cast<long>(number_),
                  static_cast<long>(number), what);
  }

  static inline std::atomic<int64_t> nextEpoch{0};

  Check& check_;
  const Case& case_;
  const Reference& reference_;
  Crew& crew_;
  UniformArena uniform_;
  Seen& seen_;
  int64_t number_;
  Random random_;
  Plot plot_;
  JobShape shape_;
  Memory memory_;
  JobBlock block_;
  std::vector<Values> outputs_;
  /** All threads and the main one. */
  std::barrier<> begin_{kThreads + 1};
  std::atomic<int64_t> deathsLeft_;
  std::atomic<int64_t> working_{0};
  std::atomic<int64_t> gaveWay_{0};
  std::mutex desk_;
  std::vector<Death> dead_;
  bool died_ = false;
  bool cut_ = false;
};

}  // namespace

void raceJob(Check& check, const Case& c, int64_t rounds, Seen& seen) {
  Crew crew(c);
  const Reference reference = alone(check, c, crew);
  const Memory memory(doublesFor(UniformArena::bytes(*c.plan)));
  for (int64_t k = 0; k < rounds; ++k) {
    Round(check, c, reference, crew, UniformArena(memory.data()), seen).run();
  }
}

}  // namespace onestep::tests
