//! Two-dimensional test targets.
