"""What can go wrong. Messages are those of the program; a hint has a line of its own."""


class Error(ValueError):
    """Something was asked of a flow, or of training, that cannot be."""


class ConfigError(Error):
    """A config has an unknown key, a value of the wrong type, or one that makes no sense."""


class DataError(Error):
    """A table cannot be used: a column is missing, a value is not a number, there are too few rows."""


class SolverError(Error):
    """A solver refused its settings, or failed on the way."""


class TrainingError(Error):
    """Training refused its settings, or diverged."""


class NotFoundError(Error, FileNotFoundError):
    """There is no file, or no checkpoint, where one was looked for."""
