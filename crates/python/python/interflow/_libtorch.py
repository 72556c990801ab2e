"""Loads torch before the module that shares its libtorch, and refuses another version by name."""

WANTED = "2.11.0"


def load() -> None:
    """Imports torch.

    Raises:
        ImportError: if there is no torch, or another version than the one that this package was linked against.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError(f"interflow needs torch {WANTED}\nhint: pip install torch=={WANTED}") from None
    found = torch.__version__
    if found.split("+")[0] != WANTED:
        raise ImportError(f"interflow needs torch {WANTED}, found: {found}\nhint: pip install torch=={WANTED}")
