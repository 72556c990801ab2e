// Tensors as DLPack's managed tensors, which share memory with whoever holds them.
#include "guard.h"
#include <ATen/DLConvertor.h>

extern "C" {
char *interflow_to_dlpack(const at::Tensor *tensor, void **managed) {
  return guarded([&] { *managed = at::toDLPack(tensor->detach()); });
}

// Takes `managed` over, unless it fails.
char *interflow_from_dlpack(void *managed, at::Tensor **result) {
  return guarded([&] { *result = new at::Tensor(at::fromDLPack(static_cast<DLManagedTensor *>(managed))); });
}

void interflow_drop_dlpack(void *managed) {
  auto *tensor = static_cast<DLManagedTensor *>(managed);
  if (tensor->deleter) tensor->deleter(tensor);
}
}
