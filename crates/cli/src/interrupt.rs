//! Ctrl-C and SIGTERM: the first asks the work to stop in good order, the second ends the program.

use interflow_flow::Cancel;

/// The shell's code for a program ended by SIGINT.
pub(crate) const EXIT_CODE: u8 = 130;

/// Starts to listen for SIGINT and SIGTERM; the token is requested by the first of them.
pub(crate) fn listen() -> anyhow::Result<Cancel> {
    let cancel = Cancel::default();
    let token = cancel.clone();
    ctrlc::set_handler(move || {
        if token.requested() {
            std::process::exit(EXIT_CODE.into());
        }
        token.request();
    })?;
    Ok(cancel)
}
