//! What the report says of Fréchet distances.

use serde_json::Value;

use crate::document::Block;

/// The report's words on what was compared, or why nothing was.
pub(crate) fn section(fid: &Value) -> [Block; 2] {
    let text = if fid.is_null() {
        "Not measured: that takes the weights of Inception (the option --inception or the key evaluation.fid.weights), which \
         this program cannot bring along."
    } else {
        "Between samples and training images (or the statistics that the config names), by the 2048 features pool3 \
         of Inception of 2015-12-05, at 299×299 pixels. Distances depend on the number of samples: compare like with \
         like."
    };
    [Block::heading("Fréchet inception distance"), Block::paragraph(text)]
}
