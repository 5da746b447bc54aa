//! Finds the word that was probably meant.

/// The candidate nearest to `word`, if one is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A list of words as a sentence has it: `a`, `b`, `c`.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Says that something goes on functions and blocks only.
pub(crate) fn where_it_goes(attribute: &str) -> String {
    format!("`#[{attribute}]` goes on a function, an `impl` block, a trait or an inline module")
}

/// The list of the names that a key's text may be, with the one that was probably meant.
pub(crate) fn unknown_word(what: &str, text: &str, names: &[&str]) -> String {
    let hint = match nearest(text, names.iter().copied()) {
        Some(meant) => format!(" (did you mean `{meant}`?)"),
        None => String::new(),
    };
    format!("there is no {what} `{text}`{hint}; there are {}", list(names.iter().copied()))
}

/// How many letters must be added, removed, changed or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let modes = ["all", "min", "livesum", "mostrecent"];
        assert_eq!(nearest("livsum", modes), Some("livesum"));
        assert_eq!(nearest("most_recent", modes), Some("mostrecent"));
        assert_eq!(nearest("mni", modes), Some("min"));
        assert_eq!(nearest("LiveSum", modes), Some("livesum"));
        assert_eq!(nearest("average", modes), None);
        assert_eq!(nearest("", modes), None);
    }
}
