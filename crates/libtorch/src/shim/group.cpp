// Several processes that compute together: c10d's store and its process group on gloo.
#include "guard.h"
#include <ATen/ops/empty.h>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {
using Gloo = c10d::ProcessGroupGloo;

// The processes' connections end before the store that they found each other by.
struct Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<Gloo> gloo;
};

// Processes of one machine talk over its own loop, whatever its name resolves to.
std::shared_ptr<gloo::transport::Device> device(const std::string &host) {
  if (host == "localhost" || host.rfind("127.", 0) == 0) return Gloo::createDeviceForHostname("127.0.0.1");
  const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface && *interface) return Gloo::createDeviceForInterface(interface);
  return Gloo::createDefaultDevice();
}

Group *of(void *group) { return static_cast<Group *>(group); }

void finish(const c10::intrusive_ptr<c10d::Work> &work) { work->wait(); }
} // namespace

extern "C" {
// A listener of -1 is none: the process of rank 0 then opens one.
char *interflow_group_join(const char *host, uint16_t port, int listener, int rank, int size, int64_t timeout_ms,
                           void **result) {
  return guarded([&] {
    std::chrono::milliseconds timeout(timeout_ms);
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = rank == 0;
    options.numWorkers = size;
    options.timeout = timeout;
    if (listener >= 0) options.masterListenFd = listener;
    // The other server is not part of every libtorch.
    options.useLibUV = false;
    c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(host, options);
    auto settings = Gloo::Options::create(timeout);
    settings->devices.push_back(device(host));
    auto of_gloo = c10::make_intrusive<c10d::PrefixStore>("gloo", store);
    auto gloo = c10::make_intrusive<Gloo>(of_gloo, rank, size, settings);
    *result = new Group{std::move(store), std::move(gloo)};
  });
}

char *interflow_group_leave(void *group) {
  return guarded([&] { delete of(group); });
}

char *interflow_group_sum(void *group, const at::Tensor *x) {
  return guarded([&] {
    std::vector<at::Tensor> list{*x};
    finish(of(group)->gloo->allreduce(list));
  });
}

char *interflow_group_broadcast(void *group, const at::Tensor *x) {
  return guarded([&] {
    std::vector<at::Tensor> list{*x};
    finish(of(group)->gloo->broadcast(list));
  });
}

// The results, one for each process, are overwritten.
char *interflow_group_gather(void *group, const at::Tensor *x, Pointers results, size_t n) {
  return guarded([&] {
    std::vector<at::Tensor> input{*x};
    std::vector<std::vector<at::Tensor>> output{gather(results, n)};
    finish(of(group)->gloo->allgather(output, input));
  });
}

char *interflow_group_set(void *group, const char *key, const uint8_t *value, size_t n) {
  return guarded([&] { of(group)->store->set(std::string(key), std::vector<uint8_t>(value, value + n)); });
}

char *interflow_group_get(void *group, const char *key, at::Tensor **result) {
  return guarded([&] {
    auto value = of(group)->store->get(std::string(key));
    auto bytes = at::empty({static_cast<int64_t>(value.size())}, at::kByte);
    if (!value.empty()) std::memcpy(bytes.data_ptr(), value.data(), value.size());
    *result = new at::Tensor(bytes);
  });
}
}
