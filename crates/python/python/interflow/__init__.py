"""Continuous normalizing flows by stochastic interpolants: fit a table, draw samples, get exact log-densities.

>>> import interflow
>>> flow = interflow.fit(table, given=["age"])
>>> people = flow.sample(1000, given={"age": 42})
>>> nats = flow.log_prob(people)

Tables are NumPy arrays, torch tensors, data frames of pandas or tables of Arrow, and what comes back is of the same
kind. Time 0 is the base and 1 the target; log-densities are in nats and of the table's own units.
"""

from . import _libtorch

_libtorch.load()

from ._errors import ConfigError, DataError, Error, NotFoundError, SolverError, TrainingError  # noqa: E402
from ._fit import fit, train  # noqa: E402
from ._flow import Flow, Grid  # noqa: E402
from ._interflow import Column, Step, Validation, __version__  # noqa: E402
from ._memory import keep_freed_memory  # noqa: E402
from ._progress import ProgressBar  # noqa: E402

__all__ = [
    "Column",
    "ConfigError",
    "DataError",
    "Error",
    "Flow",
    "Grid",
    "NotFoundError",
    "ProgressBar",
    "SolverError",
    "Step",
    "TrainingError",
    "Validation",
    "__version__",
    "fit",
    "keep_freed_memory",
    "train",
]
