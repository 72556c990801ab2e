//! An error and its causes as one text for people.

use std::error::Error;

/// The most letters that a message has before its middle is left out.
const MOST_LETTERS: usize = 2000;

/// A text for people from a chain of errors: what failed and why, from the outermost error down to the system's
/// reason, and then all hints, each on its own line.
pub fn explanation<'a>(chain: impl Iterator<Item = &'a (dyn Error + 'static)>) -> String {
    let (mut reasons, mut hints) = (Vec::new(), String::new());
    for message in chain.map(ToString::to_string) {
        let (reason, hint) = message.split_once("\nhint: ").unwrap_or((&message, ""));
        reasons.push(bounded(reason));
        if !hint.is_empty() {
            hints.push_str("\nhint: ");
            hints.push_str(&bounded(hint));
        }
    }
    // Some errors of libraries repeat their cause.
    reasons.dedup_by(|cause, reason| reason.ends_with(cause.as_str()));
    reasons.join(": ") + &hints
}

/// A message without the middle of what it quotes, where that fills screens: a name may be of any length.
fn bounded(message: &str) -> String {
    let n = message.chars().count();
    if n <= MOST_LETTERS {
        return message.to_owned();
    }
    let kept = MOST_LETTERS / 2;
    let head: String = message.chars().take(kept).collect();
    let tail: String = message.chars().skip(n - kept).collect();
    format!("{head} … [{} letters left out] … {tail}", n - 2 * kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Failure(String);

    /// The text for errors of these messages, from the outermost to the innermost.
    fn chain(messages: &[&str]) -> String {
        let failures: Vec<Failure> = messages.iter().map(|text| Failure((*text).to_owned())).collect();
        explanation(failures.iter().map(|failure| failure as &(dyn Error + 'static)))
    }

    #[test]
    fn a_message_of_any_length_keeps_its_ends() {
        let message = chain(&[&format!(
            "unknown name: {}, line 3\nhint: {}",
            "a".repeat(10_000_000),
            "é".repeat(5000)
        )]);
        assert!(message.len() < 8000, "{}", message.len());
        assert!(
            message.starts_with("unknown name: aaa") && message.contains("aaa, line 3\nhint: éé"),
            "{message}"
        );
    }

    #[test]
    fn hints_come_last_and_causes_once() {
        let messages = [
            "training stopped\nhint: go on with --resume",
            "cannot write a: the disk is full\nhint: make room",
            "the disk is full",
        ];
        assert_eq!(
            chain(&messages),
            "training stopped: cannot write a: the disk is full\nhint: go on with --resume\nhint: make room"
        );
    }
}
