// A second device for tests: it takes CUDA's place in a libtorch without CUDA.
//
// Its tensors lie in the host's memory and every kernel of theirs is the CPU's, through one fallback for all operators
// that looks at the arguments as CPU tensors on the same storage. It refuses what CUDA refuses, to mix devices, and counts
// what makes a real device wait: numbers that are read back, and uploads.
#include "guard.h"
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <atomic>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <cstdint>
#include <set>
#include <string>
#include <torch/library.h>

namespace {

const c10::Device kStandIn(c10::kCUDA, 0);

std::atomic<uint64_t> to_device{0}, to_host{0};

bool is_ours(const at::Tensor &x) { return x.defined() && x.is_cuda(); }

void drop_storage(void *context) { delete static_cast<c10::Storage *>(context); }

// The memory of a storage, kept alive by it, said to lie elsewhere.
c10::DataPtr same_memory(const c10::Storage &storage, c10::Device device) {
  return {storage.mutable_data(), new c10::Storage(storage), drop_storage, device};
}

c10::Storage seen_from(const c10::Storage &storage, c10::Device device) {
  return c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), storage.nbytes(),
                                               same_memory(storage, device), c10::GetAllocator(c10::kCPU), true);
}

at::Tensor with_layout_of(const at::Tensor &x, c10::Storage storage, c10::DispatchKey key) {
  auto made = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(key), x.dtype());
  made.unsafeGetTensorImpl()->set_sizes_and_strides(x.sizes(), x.strides(), x.storage_offset());
  return made;
}

// CPU tensors for those of the stand-in in one call, and the way back.
class Aliases {
public:
  // The CPU's view of an argument; arguments with one storage share the alias of it, as they do on a device.
  at::Tensor lower(const at::Tensor &x) {
    for (auto &[ours, cpu] : tensors_)
      if (ours.is_same(x)) return cpu;
    auto cpu = with_layout_of(x, storage_of(x.storage()), c10::DispatchKey::CPU);
    if (x.is_conj()) cpu._set_conj(true);
    tensors_.emplace_back(x, cpu);
    return cpu;
  }

  // What the caller sees of a result: the argument itself, a view of an argument's storage, or something new.
  at::Tensor raise(const at::Tensor &cpu) {
    if (!cpu.defined() || is_ours(cpu)) return cpu;
    for (auto &[ours, known] : tensors_)
      if (known.is_same(cpu)) return ours;
    for (auto &[ours, known] : storages_)
      if (known.unsafeGetStorageImpl() == cpu.storage().unsafeGetStorageImpl())
        return with_layout_of(cpu, ours, c10::DispatchKey::CUDA);
    return with_layout_of(cpu, seen_from(cpu.storage(), kStandIn), c10::DispatchKey::CUDA);
  }

  // Arguments that were resized in place take over their new memory and shape.
  void write_back() {
    for (auto &[ours, known] : storages_)
      if (ours.data() != known.data() || ours.nbytes() != known.nbytes()) {
        auto *impl = ours.unsafeGetStorageImpl();
        impl->set_data_ptr_noswap(same_memory(known, kStandIn));
        impl->set_nbytes(known.nbytes());
      }
    for (auto &[ours, cpu] : tensors_)
      if (ours.sizes() != cpu.sizes() || ours.strides() != cpu.strides())
        ours.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
  }

private:
  c10::Storage storage_of(const c10::Storage &ours) {
    for (auto &[known, cpu] : storages_)
      if (known.unsafeGetStorageImpl() == ours.unsafeGetStorageImpl()) return cpu;
    storages_.emplace_back(ours, seen_from(ours, c10::kCPU));
    return storages_.back().second;
  }

  std::vector<std::pair<at::Tensor, at::Tensor>> tensors_;
  std::vector<std::pair<c10::Storage, c10::Storage>> storages_;
};

// Operators whose result's size, or value, the host has to know: CUDA waits for them.
const std::set<std::string> kReadBack = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select",
                                         "aten::equal", "aten::_unique2", "aten::unique_dim", "aten::histc",
                                         "aten::linalg_eigh", "aten::_linalg_eigh", "aten::_linalg_svd",
                                         "aten::linalg_lu_factor_ex", "aten::_linalg_solve_ex"};
// Operators that take indices or masks from the host and upload them.
const std::set<std::string> kIndexing = {"aten::index", "aten::index_put", "aten::_index_put_impl_",
                                         "aten::index_put_"};

void check_device(const at::Tensor &x, const std::string &name) {
  if (!x.defined() || is_ours(x) || x.dim() == 0) return;
  if (kIndexing.count(name)) {
    ++to_device;
    return;
  }
  TORCH_CHECK(false, "Expected all tensors to be on the same device, but found cuda:0 and ", x.device(), " in ", name);
}

c10::IValue lowered(const c10::IValue &value, Aliases &aliases, const std::string &name) {
  auto lower = [&](const at::Tensor &x) {
    check_device(x, name);
    return is_ours(x) ? aliases.lower(x) : x;
  };
  if (value.isTensor()) return lower(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor &x : value.toTensorVector()) list.push_back(lower(x));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (std::optional<at::Tensor> x : value.toOptionalTensorList())
      list.push_back(x ? std::optional<at::Tensor>(lower(*x)) : std::nullopt);
    return list;
  }
  if (value.isDevice()) return c10::Device(c10::kCPU);
  return value;
}

c10::IValue raised(const c10::IValue &value, Aliases &aliases) {
  if (value.isTensor()) return aliases.raise(value.toTensor());
  if (!value.isTensorList()) return value;
  c10::List<at::Tensor> list;
  for (const at::Tensor &x : value.toTensorVector()) list.push_back(aliases.raise(x));
  return list;
}

void on_the_cpu(const c10::OperatorHandle &op, torch::jit::Stack *stack) {
  const auto &name = op.schema().name();
  if (kReadBack.count(name)) ++to_host;
  Aliases aliases;
  auto first = stack->end() - static_cast<ptrdiff_t>(op.schema().arguments().size());
  for (auto value = first; value != stack->end(); ++value) *value = lowered(*value, aliases, name);
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  aliases.write_back();
  first = stack->end() - static_cast<ptrdiff_t>(op.schema().returns().size());
  for (auto value = first; value != stack->end(); ++value) *value = raised(*value, aliases);
}

at::Tensor raised_anew(const at::Tensor &cpu) {
  Aliases none;
  return none.raise(cpu);
}

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout> layout,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return raised_anew(at::detail::empty_cpu(size, type, layout, c10::kCPU, false, format));
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                         std::optional<at::Layout> layout, std::optional<at::Device>, std::optional<bool>) {
  return raised_anew(at::detail::empty_strided_cpu(size, stride, type, layout, c10::kCPU, false));
}

at::Tensor &copy_(at::Tensor &self, const at::Tensor &from, bool non_blocking) {
  if (is_ours(self) && !is_ours(from)) ++to_device;
  if (!is_ours(self) && is_ours(from)) ++to_host;
  Aliases aliases;
  auto to = is_ours(self) ? aliases.lower(self) : self;
  to.copy_(is_ours(from) ? aliases.lower(from) : from, non_blocking);
  return self;
}

at::Tensor attention(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value,
                     const std::optional<at::Tensor> &mask, double dropout, bool causal, std::optional<double> scale,
                     bool grouped) {
  return std::get<0>(
      at::_scaled_dot_product_attention_math(query, key, value, mask, dropout, causal, {}, scale, grouped));
}

// What libtorch asks of CUDA's library: that there is one device, its generator, and memory that uploads can overlap with.
struct Hooks : at::CUDAHooksInterface {
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  int getNumGPUs() const override { return 1; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex current_device() const override { return 0; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  void deviceSynchronize(c10::DeviceIndex) const override {}
  c10::Allocator *getPinnedMemoryAllocator() const override { return c10::GetAllocator(c10::kCPU); }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::detail::createCPUGenerator(); }
  const at::Generator &getDefaultGenerator(c10::DeviceIndex) const override {
    static const at::Generator generator = at::detail::createCPUGenerator();
    return generator;
  }
};

// What is under way on the stream, of libraries that get its handle; an event is over when nothing is.
std::atomic<int> under_way{0};

// One stream. What this file computes is done as soon as it is asked for.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::kCUDA> {
  c10::Device exchangeDevice(c10::Device) const override { return kStandIn; }
  c10::Device getDevice() const override { return kStandIn; }
  c10::Stream getStream(c10::Device) const noexcept override { return stream(); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(); }
  void *getStreamNativeHandle(const c10::Stream) const override { return &under_way; }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return stream(); }
  void record(void **, const c10::Stream &, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void *, const c10::Stream &) const override {}
  bool queryEvent(void *) const override { return under_way == 0; }

private:
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, kStandIn); }
};

// For the whole process: nothing of it is ever taken back.
void install() {
  static const Guard guard;
  static const c10::impl::DeviceGuardImplRegistrar registrar(c10::kCUDA, &guard);
  at::CUDAHooksRegistry()->Register("CUDAHooks", [](at::CUDAHooksArgs) { return std::make_unique<Hooks>(); });
  TORCH_CHECK(at::hasCUDA(), "libtorch was asked for CUDA before the stand-in was installed");
  auto library = [](const char *space, c10::DispatchKey key) {
    return new torch::Library(torch::Library::IMPL, space, key, __FILE__, __LINE__);
  };
  library("_", c10::DispatchKey::CUDA)->fallback(torch::CppFunction::makeFromBoxedFunction<&on_the_cpu>());
  auto *own = library("aten", c10::DispatchKey::CUDA);
  own->impl("empty.memory_format", TORCH_FN(empty));
  own->impl("empty_strided", TORCH_FN(empty_strided));
  own->impl("copy_", TORCH_FN(copy_));
  // The choice between fused kernels asks a table that only CUDA's library fills.
  library("aten", c10::DispatchKey::AutogradCUDA)->impl("scaled_dot_product_attention", TORCH_FN(attention));
}

} // namespace

extern "C" {
char *interflow_stand_in() {
  return guarded([] {
    TORCH_CHECK(!c10::impl::hasDeviceGuardImpl(c10::kCUDA), "this libtorch has CUDA itself");
    install();
  });
}

void interflow_transfers(uint64_t *device, uint64_t *host) {
  *device = to_device;
  *host = to_host;
}
}
