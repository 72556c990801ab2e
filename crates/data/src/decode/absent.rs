//! What stands for the decoders that were not built in.

#[cfg(not(feature = "images"))]
use super::Grey;

/// Fails: HDF5 files need the feature `hdf5`.
#[cfg(not(feature = "hdf5"))]
pub(crate) fn arrays(
    path: &std::path::Path,
    _names: [&str; 3],
    _check: impl FnOnce([[i64; 2]; 3]) -> crate::error::Result<()>,
) -> crate::error::Result<[tch::Tensor; 3]> {
    Err(crate::error::Error::Feature { feature: "hdf5", path: path.to_owned() })
}

/// Fails: Parquet files need the feature `parquet`.
#[cfg(not(feature = "parquet"))]
pub(crate) fn records(
    path: &std::path::Path,
    _wanted: Option<&[String]>,
) -> crate::error::Result<super::Records> {
    Err(crate::error::Error::Feature { feature: "parquet", path: path.to_owned() })
}

/// Fails: Parquet files need the feature `parquet`.
#[cfg(not(feature = "parquet"))]
pub(crate) fn column_names(path: &std::path::Path) -> crate::error::Result<Vec<String>> {
    Err(crate::error::Error::Feature { feature: "parquet", path: path.to_owned() })
}

/// Fails: pictures need the feature `images`.
#[cfg(not(feature = "images"))]
pub(crate) fn square(_encoded: &[u8], _side: u32) -> Result<Vec<u8>, String> {
    Err(no_pictures())
}

/// Fails: pictures need the feature `images`.
#[cfg(not(feature = "images"))]
pub(crate) fn grey(_encoded: &[u8]) -> Result<Grey, String> {
    Err(no_pictures())
}

#[cfg(not(feature = "images"))]
fn no_pictures() -> String {
    "this build cannot decode pictures\nhint: build interflow-data with its feature `images`".to_owned()
}
