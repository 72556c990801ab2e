// A process group as the files behind the C interface share it.
#pragma once
#include "guard.h"
#include "nccl.h"
#include <atomic>
#include <chrono>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

using Gloo = c10d::ProcessGroupGloo;
using Store = c10::intrusive_ptr<c10d::Store>;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Whoever lives is waited for as long as its work takes, within reason; whether it lives is asked elsewhere.
constexpr milliseconds longest{3600 * 1000};

// The processes' connections end before the store that they found each other by.
struct Group {
  Store store;
  // What is kept when the processes are started again.
  Store lasting;
  c10::intrusive_ptr<Gloo> gloo;
  // How long a process may show no sign of life.
  milliseconds timeout;
  std::atomic<bool> given_up{false};
  // When all signs of life were seen last: a store that cannot be reached lets who asks it wait without an end.
  std::atomic<Clock::rep> looked{Clock::now().time_since_epoch().count()};
  // Adds tensors of a GPU, from the first one on.
  std::unique_ptr<Nccl> nccl;
};

Group *of(void *group);

// Begins to replace a tensor by its sum over the processes: one of the host through gloo, one of a GPU through NCCL.
c10::intrusive_ptr<c10d::Work> start_sum(Group *group, const at::Tensor &x);

// Waits for the end of the work as long as all processes show signs of life.
void finish(const Group *group, const c10::intrusive_ptr<c10d::Work> &work);
