// Several processes that compute together: c10d's store and its process group on gloo, and NCCL for what lies on GPUs.
#include "group.h"
#include <ATen/ops/empty.h>
#include <c10/util/Logging.h>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {
// How often a waiting process looks whether it still makes sense to wait.
constexpr milliseconds slice{500};
// How late a look for signs of life may be by itself.
constexpr milliseconds slack{3000};

std::shared_ptr<gloo::transport::Device> device(const char *address) {
  const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface && *interface) return Gloo::createDeviceForInterface(interface);
  return *address ? Gloo::createDeviceForHostname(address) : Gloo::createDefaultDevice();
}

const Store &store(void *group, bool lasting) { return lasting ? of(group)->lasting : of(group)->store; }

c10d::TCPStoreOptions options(uint16_t port, bool serves, milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = port;
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = timeout;
  // The other server is not part of every libtorch.
  options.useLibUV = false;
  return options;
}

// The end of a wait that is not yet the end of the work is an exception too.
bool is_over(const c10::intrusive_ptr<c10d::Work> &work) {
  try {
    work->wait(slice);
  } catch (...) {
    if (!work->isCompleted()) return false;
    // It may have come to its end in between: otherwise it says again why it has failed.
    work->wait(slice);
  }
  return true;
}

void check_alive(const Group *group) {
  TORCH_CHECK(!group->given_up, "another process shows no sign of life");
  auto since = Clock::now() - Clock::time_point(Clock::duration(group->looked));
  TORCH_CHECK(since < group->timeout + slack, "nobody answers");
}

// What fails here is told to the caller; libtorch's own account of it goes to stderr only where somebody asks for it.
void quiet() {
  if (std::getenv("TORCH_CPP_LOG_LEVEL")) return c10::initLogging();
  FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

// What the first process has made for all to meet by.
std::vector<uint8_t> identity_of_nccl(Group *group) {
  const std::string key = "nccl/identity";
  if (group->gloo->getRank() == 0) {
    auto identity = Nccl::identity();
    group->store->set(key, identity);
    return identity;
  }
  while (!group->store->check({key})) {
    check_alive(group);
    std::this_thread::sleep_for(slice / 10);
  }
  return group->store->get(key);
}

// The others come here at the same time, each with a GPU of its own.
Nccl &nccl_of(Group *group, c10::Device device) {
  if (!group->nccl) {
    TORCH_CHECK(Nccl::is_there(), "this process has no NCCL");
    const auto &gloo = group->gloo;
    auto nccl = std::make_unique<Nccl>(identity_of_nccl(group), gloo->getRank(), gloo->getSize(), device);
    while (!nccl->has_met(slice)) check_alive(group);
    group->nccl = std::move(nccl);
  }
  return *group->nccl;
}

std::string sign_of(int rank) { return "alive/" + std::to_string(rank); }
} // namespace

Group *of(void *group) { return static_cast<Group *>(group); }

c10::intrusive_ptr<c10d::Work> start_sum(Group *group, const at::Tensor &x) {
  if (x.is_cuda()) return nccl_of(group, x.device()).sum(x);
  std::vector<at::Tensor> list{x};
  c10d::AllreduceOptions how;
  how.timeout = longest;
  return group->gloo->allreduce(list, how);
}

void finish(const Group *group, const c10::intrusive_ptr<c10d::Work> &work) {
  auto until = Clock::now() + longest;
  check_alive(group);
  while (!is_over(work)) {
    check_alive(group);
    TORCH_CHECK(Clock::now() < until, "the others live, but do something else");
  }
}

extern "C" {
// A store of nobody's group, at a port that is free.
char *interflow_store_serve(const char *host, uint16_t *port, void **result) {
  return guarded([&] {
    quiet();
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options(0, true, c10d::Store::kDefaultTimeout));
    *port = store->getPort();
    *result = new Store(std::move(store));
  });
}

char *interflow_store_set(void *store, const char *prefix, const char *key, const uint8_t *value, size_t n) {
  return guarded([&] {
    c10d::PrefixStore of_group(prefix, *static_cast<Store *>(store));
    of_group.set(std::string(key), std::vector<uint8_t>(value, value + n));
  });
}

void interflow_store_close(void *store) { delete static_cast<Store *>(store); }

// The group's store over a connection of its own, for one thread to use while another waits.
char *interflow_store_again(void *group, void **result) {
  return guarded([&] { *result = new Store(of(group)->store->clone()); });
}

// Gives one more sign of life of the process `rank`.
char *interflow_store_live(void *store, int rank) {
  return guarded([&] { (*static_cast<Store *>(store))->add(sign_of(rank), 1); });
}

// The signs that every process has given so far; waits for the first of each.
char *interflow_store_signs(void *store, int size, int64_t *counts) {
  return guarded([&] {
    std::vector<std::string> keys;
    for (int rank = 0; rank < size; ++rank) keys.push_back(sign_of(rank));
    auto values = (*static_cast<Store *>(store))->multiGet(keys);
    for (const auto &value : values) *counts++ = std::stoll(std::string(value.begin(), value.end()));
  });
}

// A listener of -1 is none: a process that serves the store then opens one. `address` is this process's own, for the others
// to talk to; an empty one leaves the choice to gloo.
char *interflow_group_join(const char *host, uint16_t port, int listener, bool serves, const char *prefix,
                           const char *address, int rank, int size, int64_t timeout_ms, void **result) {
  return guarded([&] {
    quiet();
    milliseconds timeout(timeout_ms);
    auto settings = options(port, serves, timeout);
    if (listener >= 0) settings.masterListenFd = listener;
    Store tcp = c10::make_intrusive<c10d::TCPStore>(host, settings);
    Store lasting = c10::make_intrusive<c10d::PrefixStore>("interflow/lasting", tcp);
    Store store = c10::make_intrusive<c10d::PrefixStore>(prefix, std::move(tcp));
    auto of_gloo = Gloo::Options::create(timeout);
    of_gloo->devices.push_back(device(address));
    auto gloo = c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), rank, size, of_gloo);
    *result = new Group{std::move(store), std::move(lasting), std::move(gloo), timeout};
  });
}

char *interflow_group_leave(void *group) {
  return guarded([&] { delete of(group); });
}

// The signs of life of all have just been seen.
void interflow_group_looked(void *group) { of(group)->looked = Clock::now().time_since_epoch().count(); }

// Ends every wait, the present one included.
void interflow_group_give_up(void *group) { of(group)->given_up = true; }

// Meets the others on the device of a tensor, which would otherwise happen when the first one is added.
char *interflow_group_meet(void *group, const at::Tensor *x) {
  return guarded([&] { nccl_of(of(group), x->device()); });
}

// Ends what is under way on a GPU, which would otherwise wait there for processes that are gone.
char *interflow_group_abort(void *group) {
  return guarded([&] {
    if (of(group)->nccl) of(group)->nccl->abort();
  });
}

// Whether this process could add tensors of a GPU where they lie.
bool interflow_nccl_is_there() { return Nccl::is_there(); }

char *interflow_group_sum(void *group, const at::Tensor *x) {
  return guarded([&] { finish(of(group), start_sum(of(group), *x)); });
}

char *interflow_group_broadcast(void *group, const at::Tensor *x) {
  return guarded([&] {
    std::vector<at::Tensor> list{*x};
    c10d::BroadcastOptions how;
    how.timeout = longest;
    finish(of(group), of(group)->gloo->broadcast(list, how));
  });
}

// The results, one for each process, are overwritten.
char *interflow_group_gather(void *group, const at::Tensor *x, Pointers results, size_t n) {
  return guarded([&] {
    std::vector<at::Tensor> input{*x};
    std::vector<std::vector<at::Tensor>> output{gather(results, n)};
    c10d::AllgatherOptions how;
    how.timeout = longest;
    finish(of(group), of(group)->gloo->allgather(output, input, how));
  });
}

char *interflow_group_set(void *group, bool lasting, const char *key, const uint8_t *value, size_t n) {
  return guarded([&] { store(group, lasting)->set(std::string(key), std::vector<uint8_t>(value, value + n)); });
}

char *interflow_group_has(void *group, bool lasting, const char *key, bool *result) {
  return guarded([&] { *result = store(group, lasting)->check({std::string(key)}); });
}

char *interflow_group_get(void *group, bool lasting, const char *key, at::Tensor **result) {
  return guarded([&] {
    auto value = store(group, lasting)->get(std::string(key));
    auto bytes = at::empty({static_cast<int64_t>(value.size())}, at::kByte);
    if (!value.empty()) std::memcpy(bytes.data_ptr(), value.data(), value.size());
    *result = new at::Tensor(bytes);
  });
}
}
