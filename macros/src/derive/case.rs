//! How the names of variants become values.

/// A way to write a name of several words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// The case that is called so.
    pub(crate) fn called(name: &str) -> Option<Self> {
        CASES.iter().find(|(known, _)| *known == name).map(|(_, case)| *case)
    }

    pub(crate) fn names() -> Vec<&'static str> {
        CASES.iter().map(|(name, _)| *name).collect()
    }

    /// A variant's name in this case.
    pub(crate) fn of(self, variant: &str) -> String {
        let words = words(variant);
        match self {
            Case::Lower => words.concat().to_lowercase(),
            Case::Upper => words.concat().to_uppercase(),
            Case::Pascal => words.iter().map(|word| capitalised(word)).collect(),
            Case::Camel => {
                let rest = words.iter().skip(1).map(|word| capitalised(word));
                words.iter().take(1).map(|word| word.to_lowercase()).chain(rest).collect()
            }
            Case::Snake => words.join("_").to_lowercase(),
            Case::ScreamingSnake => words.join("_").to_uppercase(),
            Case::Kebab => words.join("-").to_lowercase(),
            Case::ScreamingKebab => words.join("-").to_uppercase(),
        }
    }
}

/// The words of a name: `HTTPError` is `HTTP`, `Error`, and `Http2Get` is `Http2`, `Get`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let begins = letter.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || letters.get(index + 1).is_some_and(|next| next.is_lowercase()));
        if (begins || *letter == '_') && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if *letter != '_' {
            word.push(*letter);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_they_are_read() {
        let snake = |name| Case::Snake.of(name);
        assert_eq!(snake("Get"), "get");
        assert_eq!(snake("NotFound"), "not_found");
        assert_eq!(snake("HTTPError"), "http_error");
        assert_eq!(snake("Http2Get"), "http2_get");
        assert_eq!(snake("TimedOutIO"), "timed_out_io");
        assert_eq!(snake("A"), "a");
        assert_eq!(snake("Tls1_3"), "tls1_3");
        assert_eq!(snake("ÄrgerFall"), "ärger_fall");
    }

    #[test]
    fn each_case_is_what_it_is_called() {
        for (name, case) in CASES {
            let written = case.of(match name {
                "lowercase" => "Lowercase",
                "UPPERCASE" => "Uppercase",
                "PascalCase" => "PascalCase",
                "camelCase" => "CamelCase",
                "snake_case" => "SnakeCase",
                "SCREAMING_SNAKE_CASE" => "ScreamingSnakeCase",
                "kebab-case" => "KebabCase",
                _ => "ScreamingKebabCase",
            });
            assert_eq!(written, name);
        }
    }
}
