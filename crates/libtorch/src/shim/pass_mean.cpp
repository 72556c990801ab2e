// The mean over the processes of what a backward pass computes, bucket by bucket while the pass goes on.
#include "group.h"
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/zeros_like.h>
#include <memory>
#include <mutex>

namespace {
// Neighbours in the list of weights whose gradients are exchanged at once.
struct Bucket {
  int64_t n = 0;
  size_t n_weights = 0;
  size_t missing = 0;
  at::Tensor flat;
  c10::intrusive_ptr<c10d::Work> work;
};

// A gradient as a pass has left it.
struct Result {
  at::Tensor tensor;
  int64_t version;
};

struct PassMean {
  Group *group;
  std::vector<at::Tensor> weights;
  std::vector<size_t> bucket_of;
  std::vector<Bucket> buckets;
  std::vector<unsigned> hooks;
  // The pass calls the hooks, perhaps from a thread of libtorch's.
  std::mutex lock;
  // From here on of the pass that goes on: where each gradient goes, those of the parts before it, and its share of all.
  bool active = false;
  std::vector<at::Tensor> places, before;
  double share = 1.0;
  std::vector<bool> seen;
  // How many buckets, from the first on, are under way: all processes exchange them in this order.
  size_t started = 0;
  std::exception_ptr failure;
  std::vector<Result> results;

  void begin(std::vector<at::Tensor> of_parts_before, double share_of_all) {
    at::NoGradGuard no_grad;
    std::lock_guard<std::mutex> held(lock);
    TORCH_CHECK(of_parts_before.empty() || of_parts_before.size() == weights.size(),
                "the parts before have gradients of ", of_parts_before.size(), " weights, not of ", weights.size());
    before = std::move(of_parts_before);
    share = share_of_all;
    seen.assign(weights.size(), false);
    places.clear();
    results.clear();
    started = 0;
    failure = nullptr;
    for (Bucket &bucket : buckets) bucket.missing = bucket.n_weights;
    int64_t from = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      Bucket &bucket = buckets[bucket_of[i]];
      if (i == 0 || bucket_of[i] != bucket_of[i - 1]) {
        from = 0;
        bucket.flat = at::empty({bucket.n}, weights[i].options().requires_grad(false));
      }
      places.push_back(bucket.flat.narrow(0, from, weights[i].numel()).view(weights[i].sizes()));
      from += weights[i].numel();
    }
    active = true;
  }

  void take(size_t i, const at::Tensor &gradient) {
    std::lock_guard<std::mutex> held(lock);
    // An undefined gradient is zero, as that of a weight that the pass does not reach.
    if (!active || failure || seen[i] || !gradient.defined()) return;
    // It is not the pass that has failed then: who ends it hears of it.
    try {
      put(i, gradient);
    } catch (...) {
      failure = std::current_exception();
    }
  }

  void put(size_t i, const at::Tensor &gradient) {
    at::NoGradGuard no_grad;
    if (before.empty()) {
      places[i].copy_(gradient);
    } else {
      at::lerp_out(places[i], before[i], gradient, share);
    }
    seen[i] = true;
    --buckets[bucket_of[i]].missing;
    while (started < buckets.size() && !buckets[started].missing) {
      Bucket &bucket = buckets[started++];
      bucket.work = start_sum(group, bucket.flat);
    }
  }

  std::vector<Result> end() {
    at::NoGradGuard no_grad;
    std::lock_guard<std::mutex> held(lock);
    TORCH_CHECK(active, "no pass has begun");
    active = false;
    if (failure) std::rethrow_exception(failure);
    for (size_t i = 0; i < weights.size(); ++i)
      if (!seen[i]) put(i, at::zeros_like(weights[i]));
    for (Bucket &bucket : buckets) {
      finish(group, bucket.work);
      bucket.flat.div_(group->gloo->getSize());
      // Whoever has the results keeps them.
      bucket.work.reset();
      bucket.flat.reset();
    }
    for (const at::Tensor &place : places) results.push_back({place, place._version()});
    places.clear();
    before.clear();
    return results;
  }

  // Whether nothing was under way.
  bool cancel() {
    std::lock_guard<std::mutex> held(lock);
    bool idle = !active || started == 0;
    active = false;
    return idle;
  }

  bool made(Pointers tensors, size_t n) {
    std::lock_guard<std::mutex> held(lock);
    auto of_pass = std::move(results);
    results.clear();
    bool same = n == of_pass.size() && n > 0;
    for (size_t i = 0; i < n && same; ++i)
      same = tensors[i]->is_same(of_pass[i].tensor) && tensors[i]->_version() == of_pass[i].version;
    return same;
  }
};

PassMean &mean_of(void *mean) { return **static_cast<std::shared_ptr<PassMean> *>(mean); }
} // namespace

extern "C" {
// `bucket_of` has a bucket for each weight and does not decrease. The group outlives the result.
char *interflow_pass_mean_new(void *group, Pointers weights, const size_t *bucket_of, size_t n, void **result) {
  return guarded([&] {
    auto mean = std::make_shared<PassMean>();
    mean->group = of(group);
    mean->weights = gather(weights, n);
    mean->bucket_of.assign(bucket_of, bucket_of + n);
    mean->buckets.resize(n ? bucket_of[n - 1] + 1 : 0);
    for (size_t i = 0; i < n; ++i) {
      Bucket &bucket = mean->buckets[bucket_of[i]];
      bucket.n += mean->weights[i].numel();
      ++bucket.n_weights;
    }
    for (size_t i = 0; i < n; ++i)
      TORCH_CHECK(mean->weights[i].requires_grad(), "weight ", i, " from the last records no gradients");
    for (size_t i = 0; i < n; ++i) {
      // What is taken off a tensor leaves an empty place in its list, so hooks stay on for all passes.
      auto hook = [=](const at::Tensor &gradient) { mean->take(i, gradient); };
      mean->hooks.push_back(mean->weights[i].register_hook(hook));
    }
    *result = new std::shared_ptr<PassMean>(std::move(mean));
  });
}

char *interflow_pass_mean_free(void *mean) {
  return guarded([&] {
    std::unique_ptr<std::shared_ptr<PassMean>> of_passes(static_cast<std::shared_ptr<PassMean> *>(mean));
    PassMean &all = **of_passes;
    for (size_t i = 0; i < all.hooks.size(); ++i) all.weights[i].remove_hook(all.hooks[i]);
  });
}

// The next pass's gradients are those of the last of several parts, with this share, if there are others.
char *interflow_pass_mean_begin(void *mean, Pointers before, size_t n, double share) {
  return guarded([&] { mean_of(mean).begin(gather(before, n), share); });
}

// Waits for what is under way. The results, one for each weight, are new tensors.
char *interflow_pass_mean_end(void *mean, at::Tensor **results) {
  return guarded([&] {
    for (const Result &result : mean_of(mean).end()) *results++ = new at::Tensor(result.tensor);
  });
}

// Ends a pass that has failed, and says whether no exchange of it is under way.
char *interflow_pass_mean_cancel(void *mean, bool *idle) {
  return guarded([&] { *idle = mean_of(mean).cancel(); });
}

// Whether tensors are the results of the last pass, as it left them. It is asked once, and forgets them.
char *interflow_pass_mean_made(void *mean, Pointers tensors, size_t n, bool *result) {
  return guarded([&] { *result = mean_of(mean).made(tensors, n); });
}
}
