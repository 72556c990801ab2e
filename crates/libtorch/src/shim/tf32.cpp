// Single-precision products on NVIDIA GPUs in TF32 or not.
#include <ATen/Context.h>

extern "C" {
// By the older of libtorch's two interfaces, which keeps the newer one in step; the other way round it complains later.
void interflow_set_tf32(bool products, bool convolutions) {
  at::globalContext().setAllowTF32CuBLAS(products);
  at::globalContext().setAllowTF32CuDNN(convolutions);
}

void interflow_tf32(bool *products, bool *convolutions) {
  *products = at::globalContext().allowTF32CuBLAS();
  *convolutions = at::globalContext().allowTF32CuDNN();
}
}
