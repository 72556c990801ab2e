"""What was carried here, made usable: programs, configs, data."""

import bz2
import gzip
import importlib.util
import lzma
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

OPENERS = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
BATCHES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
CIFAR10 = "cifar10/cifar-10-batches-bin"
BATCH_BYTES = 10_000 * 3073


@dataclass
class Place:
    """Where everything lies."""

    # The programs interflow and gpu.
    bin: Path
    configs: Path
    # The scripts that measure PyTorch.
    pytorch: Path
    data: Path
    runs: Path
    # What was carried of the data, and what stands in for the rest.
    about_data: str


def unpack(source: Path, file: Path, target: Path):
    """Writes `file`, which may be compressed, below `target` in the folder in which it lies below `source`."""
    relative = file.relative_to(source)
    opener = OPENERS.get(file.suffix, open)
    if file.suffix in OPENERS:
        relative = relative.with_suffix("")
    to = target / relative
    to.parent.mkdir(parents=True, exist_ok=True)
    with opener(file, "rb") as compressed, to.open("wb") as plain:
        shutil.copyfileobj(compressed, plain, 1 << 20)


def prepare(packed: Path, work: Path) -> Place:
    """Unpacks the folder of packed pieces, `program` and any `data-…`, into the folder `work`."""
    program = packed / "program"
    for file in sorted((program / "bin").iterdir()):
        unpack(program, file, work)
    for file in (work / "bin").iterdir():
        file.chmod(0o755)
    for piece in sorted(packed.glob("data-*")):
        for file in sorted(path for path in piece.rglob("*") if path.is_file()):
            unpack(piece, file, work / "data")
    about = complete(work / "data" / CIFAR10)
    return Place(work / "bin", program / "configs", program / "pytorch", work / "data", work / "runs", about)


def complete(folder: Path) -> str:
    """Puts a file in place of every batch of CIFAR-10 that was not carried: a training batch that was, or noise."""
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in BATCHES if (folder / name).exists()]
    train = [name for name in there if name.startswith("data")]
    for index, name in enumerate(name for name in BATCHES if name not in there):
        if train:
            shutil.copyfile(folder / train[index % len(train)], folder / name)
        else:
            (folder / name).write_bytes(noise())
    if len(there) == len(BATCHES):
        return "CIFAR-10, whole"
    if train:
        return f"{len(there)} of {len(BATCHES)} batches of CIFAR-10, of which the others are copies"
    return "noise in place of CIFAR-10"


def noise() -> bytes:
    """A batch of noisy images, all of class 0."""
    records = bytearray(os.urandom(BATCH_BYTES))
    records[::3073] = bytes(10_000)
    return bytes(records)


def libtorch() -> tuple[Path | None, list[Path]]:
    """The folder of libtorch's libraries, by LIBTORCH or of this Python's torch, and the folders for the loader's path."""
    named = os.environ.get("LIBTORCH")
    spec = None if named else importlib.util.find_spec("torch")
    root = Path(named) if named else Path(spec.origin).parent if spec and spec.origin else None
    if root is None:
        return None, []
    nvidia = sorted((root.parent / "nvidia").glob("*/lib"))
    return root / "lib", [root / "lib", *nvidia]
