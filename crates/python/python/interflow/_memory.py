"""The process's memory."""

from . import _interflow


def keep_freed_memory() -> bool:
    """Lets the process keep the memory that tensors free, for those to come, as the program `interflow` does.

    By default large buffers go back to the system and are asked for again in every step. On Linux that takes a tenth to a
    quarter of the time of training and of log-densities. All of the process is concerned, and it stays as large as it once
    was: so the package leaves it to you. Call it once, before anything large.

    Returns:
        Whether the system's allocator understood; it does with glibc, which is most of Linux.
    """
    return _interflow.keep_freed_memory()
