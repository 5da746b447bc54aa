//! The cases in which the names of variants can be written, by the names that serde has for them.
//! Where a word begins is decided by `heck`, as in `clap` and `strum`.

use heck::{
    ToKebabCase, ToLowerCamelCase, ToShoutyKebabCase, ToShoutySnakeCase, ToSnakeCase,
    ToUpperCamelCase,
};

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
    /// The case with this name.
    pub(crate) fn called(name: &str) -> Option<Self> {
        CASES.iter().find(|(known, _)| *known == name).map(|(_, case)| *case)
    }

    pub(crate) fn names() -> Vec<&'static str> {
        CASES.iter().map(|(name, _)| *name).collect()
    }

    /// A variant's name in this case.
    pub(crate) fn of(self, variant: &str) -> String {
        match self {
            Case::Lower => variant.to_snake_case().replace('_', ""),
            Case::Upper => variant.to_shouty_snake_case().replace('_', ""),
            Case::Pascal => variant.to_upper_camel_case(),
            Case::Camel => variant.to_lower_camel_case(),
            Case::Snake => variant.to_snake_case(),
            Case::ScreamingSnake => variant.to_shouty_snake_case(),
            Case::Kebab => variant.to_kebab_case(),
            Case::ScreamingKebab => variant.to_shouty_kebab_case(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_where_a_reader_sees_them_begin() {
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
    fn each_name_of_a_case_is_written_in_that_case() {
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
