//! What the report says of Fréchet distances.

use serde_json::Value;

/// The report's words on what was compared, or why nothing was.
pub(crate) fn section(fid: &Value) -> String {
    let text = if fid.is_null() {
        "Not measured: that takes the weights of Inception (`--inception FILE` or `evaluation.fid.weights`), which \
         this program cannot bring along.\n"
    } else {
        "Between samples and training images (or the statistics that the config names), by the 2048 features `pool3` \
         of Inception of 2015-12-05, at 299×299 pixels. Distances depend on the number of samples: compare like with \
         like.\n"
    };
    format!("\n## Fréchet inception distance\n\n{text}")
}
