// Sums over the processes of tensors that lie on GPUs, by NCCL.
//
// c10d's own ProcessGroupNCCL wants CUDA's headers to be compiled and libtorch_cuda to be linked. Of NCCL's C interface the
// few functions of a sum are enough, and they are looked up at run time: one program serves machines with and without GPUs.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>
#include <chrono>
#include <memory>
#include <torch/csrc/distributed/c10d/Work.hpp>
#include <vector>

struct NcclLibrary;

// The processes' communicator, for the one device that each of them has.
class Nccl {
public:
  // Whether this process has the library.
  static bool is_there();

  // What one process makes for all to meet by.
  static std::vector<uint8_t> identity();

  // Begins to meet the other processes, which do the same with the same identity and GPUs of their own.
  Nccl(const std::vector<uint8_t> &identity, int rank, int size, c10::Device device);
  ~Nccl();

  // Whether all have met, after a wait; an error if they never will.
  bool has_met(std::chrono::milliseconds wait);

  // Begins to replace a tensor by its sum over the processes, on a stream of its own, after what the current stream
  // has been given so far.
  c10::intrusive_ptr<c10d::Work> sum(const at::Tensor &x);

  // Ends what is under way, without the other processes, and makes sure that nothing is begun any more.
  void abort();

private:
  class Sum;
  struct Meeting;

  void end(int (*how)(void *communicator));

  const NcclLibrary &library_;
  c10::Device device_;
  c10::Stream stream_;
  std::shared_ptr<Meeting> meeting_;
};
