// The library itself: its version, its messages, and CUDA.
#include "guard.h"
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <torch/version.h>
#ifdef __linux__
#include <dlfcn.h>
#endif

extern "C" {
void interflow_free_message(char *message) { std::free(message); }

// A literal: nobody frees it.
const char *interflow_libtorch_version() { return TORCH_VERSION; }

// Loads libtorch_cuda from the folder that libtorch_cpu came from; its static initialisers register the backend.
// It stays loaded: the linker would have kept it for as long.
char *interflow_load_cuda() {
  return guarded([&] {
    if (c10::impl::hasDeviceGuardImpl(c10::kCUDA)) return;
#ifdef __linux__
    Dl_info cpu;
    void *symbol = dlsym(RTLD_DEFAULT, "_ZN2at15get_num_threadsEv");
    TORCH_CHECK(symbol && dladdr(symbol, &cpu) && cpu.dli_fname, "libtorch_cpu is not to be found");
    std::string path(cpu.dli_fname);
    path = path.substr(0, path.rfind('/') + 1) + "libtorch_cuda.so";
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) throw std::runtime_error(dlerror());
#else
    throw std::runtime_error("this platform's libtorch has no CUDA");
#endif
  });
}
}
