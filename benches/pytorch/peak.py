"""What a device can do at best, as PyTorch finds it: products of large matrices and copies.

    python peak.py --device cuda

One line of JSON per measurement on stdout.
"""

import argparse
import json
import time

import torch


def seconds(body, device: torch.device, rounds: int = 10) -> float:
    """The mean time of a call over `rounds` calls after three to warm up."""

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        body()
    wait()
    start = time.perf_counter()
    for _ in range(rounds):
        body()
    wait()
    return (time.perf_counter() - start) / rounds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side", type=int, default=8192, help="of the matrices")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, n = torch.device(options.device), options.side

    def say(**numbers):
        print(json.dumps({"device": options.device, "side": n, **numbers}), flush=True)

    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        say(
            name=properties.name,
            memory=properties.total_memory,
            multiprocessors=properties.multi_processor_count,
            capability=f"{properties.major}.{properties.minor}",
            torch=torch.__version__,
            cudnn=torch.backends.cudnn.version(),
        )
    kinds = [("bf16", torch.bfloat16, False), ("f32", torch.float32, False), ("tf32", torch.float32, True)]
    for name, kind, tf32 in kinds if device.type == "cuda" else kinds[:2]:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device=device).to(kind) for _ in range(2))
        secs = seconds(lambda: a @ b, device)
        say(product=name, seconds=secs, tflops=2 * n**3 / secs / 1e12)
    x = torch.empty(n, n, device=device)
    y = torch.empty_like(x)
    secs = seconds(lambda: y.copy_(x), device)
    say(copy="f32", seconds=secs, gb_per_s=2 * x.nbytes / secs / 1e9)


if __name__ == "__main__":
    main()
