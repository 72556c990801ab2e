// What the functions behind the C interface share. Every function that can fail returns null, or a message that the
// caller frees with interflow_free_message.
#pragma once
#include <ATen/core/Tensor.h>
#include <cstring>
#include <exception>
#include <vector>

using Pointers = const at::Tensor *const *;

inline std::vector<at::Tensor> gather(Pointers tensors, size_t n) {
  std::vector<at::Tensor> list;
  list.reserve(n);
  for (size_t i = 0; i < n; ++i) list.push_back(*tensors[i]);
  return list;
}

// Runs `body` and turns what it throws into a message.
template <class F> char *guarded(F body) {
  try {
    body();
    return nullptr;
  } catch (const c10::Error &error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("unknown C++ exception");
  }
}
