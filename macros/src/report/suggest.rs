//! Finds the word that was probably meant, and lists words in messages.

use strsim::osa_distance;

/// The candidate that is most similar to `word`, if one is similar enough for `word` to be a typing
/// error: one letter in three may be added, missing, wrong or swapped with its neighbour.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&word.to_lowercase(), candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The words as a list in a sentence: `a`, `b`, `c`.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A choice in a sentence: a, b or c.
pub(crate) fn one_of(choices: impl Iterator<Item = String>) -> String {
    let choices: Vec<String> = choices.collect();
    match choices.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => choices.concat(),
    }
}

/// The message for an item that is neither a function nor a block.
pub(crate) fn where_it_goes(attribute: &str) -> String {
    format!("`#[{attribute}]` goes on a function, an `impl` block, a trait or an inline module")
}

/// The message for a word that is not in a list of names.
pub(crate) fn unknown_word(what: &str, text: &str, names: &[&str]) -> String {
    let hint = match nearest(text, names.iter().copied()) {
        Some(meant) => format!(" (did you mean `{meant}`?)"),
        None => String::new(),
    };
    format!("there is no {what} `{text}`{hint}; there are {}", list(names.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_recognised_and_another_word_is_not() {
        let modes = ["all", "min", "livesum", "mostrecent"];
        assert_eq!(nearest("livsum", modes), Some("livesum"));
        assert_eq!(nearest("most_recent", modes), Some("mostrecent"));
        assert_eq!(nearest("mni", modes), Some("min"));
        assert_eq!(nearest("LiveSum", modes), Some("livesum"));
        assert_eq!(nearest("average", modes), None);
        assert_eq!(nearest("", modes), None);
    }
}
