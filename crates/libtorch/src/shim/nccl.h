// Sums over the processes of tensors that lie on GPUs, by NCCL.
//
// c10d's own ProcessGroupNCCL wants CUDA's headers to be compiled and libtorch_cuda to be linked. Of NCCL's C interface the
// few functions of a sum are enough, and they are looked up at run time: one program serves machines with and without GPUs.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>
#include <functional>
#include <future>
#include <memory>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>

struct NcclLibrary;

// The processes' communicator, for the one device that each of them has.
class Nccl {
public:
  // Whether this process has the library.
  static bool is_there();

  // Begins to meet the other processes, which call this with GPUs of their own. The first one leaves an identity for the
  // others in the store.
  Nccl(c10d::Store &store, int rank, int size, c10::Device device);
  ~Nccl();

  // Whether all have met, after a wait; an error if they never will.
  bool has_met(std::chrono::milliseconds wait);

  // Begins to replace a tensor by its sum over the processes, on a stream of its own, after what the current stream
  // has been given so far.
  c10::intrusive_ptr<c10d::Work> sum(const at::Tensor &x);

  // Ends what is under way, without the other processes.
  void abort();

private:
  class Sum;
  struct Meeting;

  const NcclLibrary &library_;
  c10::Device device_;
  c10::Stream stream_;
  std::shared_ptr<Meeting> meeting_;
};
