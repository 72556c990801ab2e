// Single-precision products on NVIDIA GPUs in TF32 or not.
#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

extern "C" {
// Nothing without CUDA. By the older of libtorch's two interfaces, which keeps the newer one in step; the other way round it
// complains later.
void interflow_set_tf32(bool products, bool convolutions) {
  if (!c10::impl::hasDeviceGuardImpl(c10::kCUDA)) return;
  at::globalContext().setAllowTF32CuBLAS(products);
  at::globalContext().setAllowTF32CuDNN(convolutions);
}

// By the newer interface: the older one throws where a host has used both.
void interflow_tf32(bool *products, bool *convolutions) {
  auto is_tf32 = [](at::Float32Op op) {
    return at::globalContext().float32Precision(at::Float32Backend::CUDA, op) == at::Float32Precision::TF32;
  };
  *products = is_tf32(at::Float32Op::MATMUL);
  *convolutions = is_tf32(at::Float32Op::CONV);
}
}
