#include "nccl.h"
#include <c10/core/DeviceGuard.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <cstdlib>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#ifdef __linux__
#include <dlfcn.h>
#endif

using std::chrono::milliseconds;

namespace {
// As nccl.h has them, which has kept them since NCCL 2.10.
using Communicator = void *;
struct Identity {
  char bytes[128];
};
constexpr int kSuccess = 0, kInProgress = 7, kSum = 0;

// How often a wait looks whether it has ended.
constexpr std::chrono::microseconds glance{50};
// How long the end of a communicator may take: NCCL waits for the other processes of the machine once more.
constexpr std::chrono::seconds parting{5};

// Until it is done, whoever waits for it or not.
template <class F> void in_the_background(F work) { std::thread(std::move(work)).detach(); }

int kind_of(const at::Tensor &x) {
  switch (x.scalar_type()) {
  case at::kChar: return 0;
  case at::kByte: return 1;
  case at::kInt: return 2;
  case at::kLong: return 4;
  case at::kHalf: return 6;
  case at::kFloat: return 7;
  case at::kDouble: return 8;
  case at::kBFloat16: return 9;
  default: TORCH_CHECK(false, "NCCL adds no tensors of kind ", x.scalar_type());
  }
}

void *load() {
#ifdef __linux__
  // Connections are made when processes meet, for which there is a thread, and not by the first sum.
  setenv("NCCL_RUNTIME_CONNECT", "0", 0);
  // libtorch_cuda has brought it along, unless NCCL was linked into it.
  return dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
#else
  return nullptr;
#endif
}
} // namespace

struct NcclLibrary {
  int (*get_unique_id)(Identity *);
  int (*comm_init_rank)(Communicator *, int, Identity, int);
  int (*comm_destroy)(Communicator);
  int (*comm_abort)(Communicator);
  int (*comm_get_async_error)(Communicator, int *);
  int (*all_reduce)(const void *, void *, size_t, int, int, Communicator, void *);
  const char *(*get_error_string)(int);
  // Not every version's.
  const char *(*get_last_error)(Communicator) = nullptr;

  // Null where there is none, or one that lacks a function.
  static const NcclLibrary *get() {
    static const std::unique_ptr<const NcclLibrary> library = open();
    return library.get();
  }

  void check(int result, const char *operation) const {
    if (result == kSuccess) return;
    const char *more = get_last_error ? get_last_error(nullptr) : "";
    TORCH_CHECK(false, "NCCL's ", operation, " failed: ", get_error_string(result), *more ? ": " : "", more);
  }

private:
  static std::unique_ptr<const NcclLibrary> open() {
    auto library = std::make_unique<NcclLibrary>();
    bool all = library->find("ncclGetUniqueId", library->get_unique_id) &&
               library->find("ncclCommInitRank", library->comm_init_rank) &&
               library->find("ncclCommDestroy", library->comm_destroy) &&
               library->find("ncclCommAbort", library->comm_abort) &&
               library->find("ncclCommGetAsyncError", library->comm_get_async_error) &&
               library->find("ncclAllReduce", library->all_reduce) &&
               library->find("ncclGetErrorString", library->get_error_string);
    library->find("ncclGetLastError", library->get_last_error);
    return all ? std::move(library) : nullptr;
  }

  template <class F> bool find(const char *name, F &function) {
#ifdef __linux__
    static void *const handle = load();
    if (handle) function = reinterpret_cast<F>(dlsym(handle, name));
    return handle && function;
#else
    return false;
#endif
  }
};

// The communicator is made by a thread of its own: NCCL waits for the others without an end, and a process that is gone
// never comes. What the thread uses outlives it then.
struct Nccl::Meeting {
  std::promise<int> promise;
  std::future<int> result = promise.get_future();
  Communicator communicator = nullptr;
  std::mutex lock;
  bool aborted = false;

  void check_usable() const { TORCH_CHECK(!aborted, "NCCL's sums were given up"); }
};

// A sum that the device computes in its own time.
class Nccl::Sum : public c10d::Work {
public:
  Sum(const NcclLibrary &library, std::shared_ptr<Meeting> meeting, at::Tensor x)
      : library_(library), meeting_(std::move(meeting)), x_(std::move(x)), end_(x_.device().type()) {}

  void begin(const c10::Stream &stream) {
    c10::impl::VirtualGuardImpl of_kind(x_.device().type());
    c10::Event ready(x_.device().type());
    ready.record(of_kind.getStream(x_.device()));
    ready.block(stream);
    int result = library_.all_reduce(x_.data_ptr(), x_.data_ptr(), static_cast<size_t>(x_.numel()), kind_of(x_), kSum,
                                     meeting_->communicator, stream.native_handle());
    library_.check(result, "sum");
    end_.record(stream);
  }

  // A sum that has failed is complete too.
  bool isCompleted() override { return failed_ || end_.query(); }

  bool wait(milliseconds timeout) override {
    auto until = std::chrono::steady_clock::now() + timeout;
    while (!end_.query()) {
      check_connection();
      TORCH_CHECK(std::chrono::steady_clock::now() < until, "the sum is still under way");
      std::this_thread::sleep_for(glance);
    }
    return true;
  }

private:
  void check_connection() {
    std::lock_guard<std::mutex> held(meeting_->lock);
    failed_ = true;
    meeting_->check_usable();
    int error = kSuccess;
    library_.check(library_.comm_get_async_error(meeting_->communicator, &error), "look at a sum");
    if (error != kInProgress) library_.check(error, "sum");
    failed_ = false;
  }

  const NcclLibrary &library_;
  std::shared_ptr<Meeting> meeting_;
  // Kept until the device is done with it.
  at::Tensor x_;
  c10::Event end_;
  bool failed_ = false;
};

bool Nccl::is_there() { return NcclLibrary::get() != nullptr; }

std::vector<uint8_t> Nccl::identity() {
  Identity identity;
  NcclLibrary::get()->check(NcclLibrary::get()->get_unique_id(&identity), "identity");
  return {identity.bytes, identity.bytes + sizeof identity.bytes};
}

Nccl::Nccl(const std::vector<uint8_t> &bytes, int rank, int size, c10::Device device)
    : library_(*NcclLibrary::get()), device_(device),
      stream_(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device, true)),
      meeting_(std::make_shared<Meeting>()) {
  Identity identity;
  TORCH_CHECK(bytes.size() == sizeof identity.bytes, "this is no identity of NCCL's");
  std::copy(bytes.begin(), bytes.end(), identity.bytes);
  in_the_background([&library = library_, meeting = meeting_, identity, rank, size, device] {
    try {
      c10::DeviceGuard on(device);
      meeting->promise.set_value(library.comm_init_rank(&meeting->communicator, size, identity, rank));
    } catch (...) {
      meeting->promise.set_exception(std::current_exception());
    }
  });
}

Nccl::~Nccl() {
  std::lock_guard<std::mutex> held(meeting_->lock);
  end(library_.comm_destroy);
}

bool Nccl::has_met(milliseconds wait) {
  if (!meeting_->result.valid()) return true;
  if (meeting_->result.wait_for(wait) != std::future_status::ready) return false;
  library_.check(meeting_->result.get(), "meeting");
  return true;
}

c10::intrusive_ptr<c10d::Work> Nccl::sum(const at::Tensor &x) {
  TORCH_CHECK(x.device() == device_, "the processes meet on ", device_, ", not on ", x.device());
  TORCH_CHECK(x.is_contiguous(), "NCCL adds no tensors with gaps");
  std::lock_guard<std::mutex> held(meeting_->lock);
  meeting_->check_usable();
  c10::DeviceGuard on(device_);
  auto sum = c10::make_intrusive<Sum>(library_, meeting_, x);
  sum->begin(stream_);
  return sum;
}

void Nccl::abort() {
  std::lock_guard<std::mutex> held(meeting_->lock);
  end(library_.comm_abort);
}

// Both ways to end a communicator wait for threads that wait for other processes, which may hang.
void Nccl::end(int (*how)(void *)) {
  // One that has not met is left to its thread.
  if (meeting_->result.valid() || !meeting_->communicator || meeting_->aborted) return;
  meeting_->aborted = true;
  auto over = std::make_shared<std::promise<void>>();
  auto future = over->get_future();
  in_the_background([how, communicator = meeting_->communicator, over] {
    // Nothing is left to be done about a failure.
    how(communicator);
    over->set_value();
  });
  future.wait_for(parting);
}
