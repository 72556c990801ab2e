// NCCL's place is taken by this library in a test, as a GPU's is by the stand-in, whose memory is the host's: the functions
// that the shim looks up, between processes of one machine, over a file that they map.
//
// Like NCCL, it works while the caller goes on, takes the others' numbers as they are, and waits for processes that are gone
// until it is told to abort. A stream's handle is the count of what is under way on it.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace {
constexpr int kSuccess = 0, kSystemError = 2, kInvalidArgument = 4;
constexpr int kFloat = 7, kDouble = 8, kSum = 0;
constexpr size_t kRoom = 16 << 20;
constexpr int kMost = 4;

struct Identity {
  char bytes[128];
};

struct Shared {
  std::atomic<uint64_t> arrived;
  char room[kMost][kRoom];
};

struct Communicator {
  Shared *shared;
  int rank, size;
  uint64_t meetings = 0;
  std::atomic<bool> aborted{false};
  // The end of what was asked for last.
  std::shared_future<void> last = std::async(std::launch::deferred, [] {}).share();

  // Whether all came.
  bool meet() {
    uint64_t all = ++meetings * size;
    ++shared->arrived;
    while (shared->arrived < all) {
      if (aborted) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return true;
  }
};

template <class T> void add(Communicator &of, T *numbers, size_t n) {
  std::memcpy(of.shared->room[of.rank], numbers, n * sizeof(T));
  if (!of.meet()) return;
  for (size_t i = 0; i < n; ++i) {
    numbers[i] = 0;
    for (int rank = 0; rank < of.size; ++rank) numbers[i] += reinterpret_cast<const T *>(of.shared->room[rank])[i];
  }
  // Nobody overwrites what another still reads.
  of.meet();
}
} // namespace

extern "C" {
int ncclGetUniqueId(Identity *identity) {
  std::string path = std::string(std::getenv("INTERFLOW_TEST_FOLDER")) + "/identity-XXXXXX";
  int file = mkstemp(path.data());
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0 || path.size() >= sizeof identity->bytes) return kSystemError;
  close(file);
  std::strcpy(identity->bytes, path.c_str());
  return kSuccess;
}

int ncclCommInitRank(Communicator **result, int size, Identity identity, int rank) {
  if (size > kMost) return kInvalidArgument;
  int file = open(identity.bytes, O_RDWR);
  if (file < 0) return kSystemError;
  void *memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return kSystemError;
  *result = new Communicator{static_cast<Shared *>(memory), rank, size};
  return (*result)->meet() ? kSuccess : kSystemError;
}

int ncclAllReduce(const void *from, void *to, size_t n, int kind, int operation, Communicator *of, void *stream) {
  if ((kind != kFloat && kind != kDouble) || operation != kSum || from != to || n * sizeof(double) > kRoom) return kInvalidArgument;
  auto *under_way = static_cast<std::atomic<int> *>(stream);
  ++*under_way;
  auto work = [=, before = of->last] {
    before.wait();
    kind == kFloat ? add(*of, static_cast<float *>(to), n) : add(*of, static_cast<double *>(to), n);
    --*under_way;
  };
  of->last = std::async(std::launch::async, work).share();
  return kSuccess;
}

int ncclCommGetAsyncError(Communicator *, int *error) {
  *error = kSuccess;
  return kSuccess;
}

int ncclCommDestroy(Communicator *of) {
  of->last.wait();
  munmap(of->shared, sizeof(Shared));
  delete of;
  return kSuccess;
}

// As where another process of the machine hangs: sums end, and the call does not.
int ncclCommAbort(Communicator *of) {
  of->aborted = true;
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}

const char *ncclGetErrorString(int result) { return result == kSuccess ? "no error" : "an error of the stand-in"; }
}
