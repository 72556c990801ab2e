// Mixed precision.
#include "guard.h"
#include <ATen/autocast_mode.h>

extern "C" {
// Matrix products in bfloat16 from here on, or again in their own kind, with what was set before in `before`.
char *interflow_autocast_begin(bool cuda, bool enabled, bool *before) {
  return guarded([&] {
    auto device = cuda ? at::kCUDA : at::kCPU;
    *before = at::autocast::is_autocast_enabled(device);
    if (enabled) at::autocast::set_autocast_dtype(device, at::kBFloat16);
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::increment_nesting();
  });
}

// Back to `before`; the last region to end forgets the weights it has cast.
char *interflow_autocast_end(bool cuda, bool before) {
  return guarded([&] {
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(cuda ? at::kCUDA : at::kCPU, before);
  });
}
}
