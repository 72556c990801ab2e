// Random masks, made on their device under a seed of their own: the generators that the process shares stay as they are.
#include "guard.h"
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/empty_like.h>

namespace {

at::Generator generator_on(c10::Device device, uint64_t seed) {
  if (device.is_cpu()) return at::detail::createCPUGenerator(seed);
  auto made = at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  made.set_current_seed(seed);
  return made;
}

} // namespace

// Numbers that are 1 with probability `share` and otherwise 0.
extern "C" char *interflow_mask(const at::Tensor *like, double share, uint64_t seed, at::Tensor **result) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    *result = new at::Tensor(at::empty_like(*like).bernoulli_(share, generator_on(like->device(), seed)));
  });
}
