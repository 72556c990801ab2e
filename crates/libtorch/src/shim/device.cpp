// What a program asks of a device beside its kernels: memory, and the host's memory that it reads by itself.
#include "guard.h"
#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <cstdint>

namespace {
// The allocator of CUDA's devices, which counts; null where there is none.
c10::DeviceAllocator *counting_allocator() {
  if (!at::hasCUDA()) return nullptr;
  at::globalContext().lazyInitDevice(c10::kCUDA);
  try {
    return dynamic_cast<c10::DeviceAllocator *>(c10::GetAllocator(c10::kCUDA));
  } catch (const c10::Error &) {
    return nullptr; // the stand-in of tests has none
  }
}
} // namespace

extern "C" {
// Bytes that the process can still have there, those that it has now, and the most that it had since the last reset; whether
// the device counts them in `known`.
char *interflow_device_memory(int device, bool *known, uint64_t *free, uint64_t *allocated, uint64_t *peak) {
  return guarded([&] {
    auto *allocator = counting_allocator();
    *known = allocator != nullptr;
    if (!allocator) return;
    auto index = static_cast<c10::DeviceIndex>(device);
    auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    auto stats = allocator->getDeviceStats(index);
    const auto &own = stats.allocated_bytes[all];
    // What libtorch keeps for later is free for the process, though not for the driver.
    auto kept = stats.reserved_bytes[all].current - own.current;
    *free = allocator->getMemoryInfo(index).first + static_cast<uint64_t>(kept);
    *allocated = static_cast<uint64_t>(own.current);
    *peak = static_cast<uint64_t>(own.peak);
  });
}

// Lets the peak be counted from here on.
char *interflow_reset_peak(int device) {
  return guarded([&] {
    if (auto *allocator = counting_allocator()) allocator->resetPeakStats(static_cast<c10::DeviceIndex>(device));
  });
}

// The same numbers in memory of the host that a GPU reads by itself, or the tensor itself where there is no GPU.
char *interflow_pinned(const at::Tensor *x, at::Tensor **result) {
  return guarded([&] { *result = new at::Tensor(at::hasCUDA() ? x->pin_memory() : *x); });
}

// The same numbers on a CUDA device, for whose arrival only the device waits where they are pinned.
char *interflow_upload(const at::Tensor *x, int device, at::Tensor **result) {
  return guarded([&] {
    c10::Device to(c10::kCUDA, static_cast<c10::DeviceIndex>(device));
    *result = new at::Tensor(x->to(x->options().device(to), /*non_blocking=*/true));
  });
}
}
