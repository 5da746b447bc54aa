//! Rules that a program gives for the metrics of its crates, by their names.

/// Which metrics a rule is for, by their names as the program gives them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Matcher {
    /// The metric with this name.
    Full(String),
    /// Those whose names begin with this.
    Prefix(String),
    /// Those whose names end in this.
    Suffix(String),
}

impl Matcher {
    fn is_for(&self, name: &str) -> bool {
        match self {
            Self::Full(full) => full == name,
            Self::Prefix(beginning) => name.starts_with(beginning),
            Self::Suffix(end) => name.ends_with(end),
        }
    }

    /// A whole name is the most specific, then a longer part of one.
    fn rank(&self) -> (bool, usize) {
        match self {
            Self::Full(name) => (true, name.len()),
            Self::Prefix(part) | Self::Suffix(part) => (false, part.len()),
        }
    }
}

/// The rules for one property. Of several that are for a name, the most specific one holds; of
/// equally specific ones, the last.
#[derive(Debug, Clone)]
pub(crate) struct Rules<T>(Vec<(Matcher, T)>);

impl<T> Rules<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, matcher: Matcher, property: T) {
        self.0.push((matcher, property));
    }

    pub(crate) fn of(&self, name: &str) -> Option<&T> {
        let fitting = self.0.iter().filter(|(matcher, _)| matcher.is_for(name));
        fitting.max_by_key(|(matcher, _)| matcher.rank()).map(|(_, property)| property)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_rule_holds() {
        let mut rules = Rules::new();
        assert_eq!(rules.of("a_b"), None);
        for (matcher, property) in [
            (Matcher::Full("a_b".into()), 1),
            (Matcher::Prefix("a".into()), 2),
            (Matcher::Suffix("_b".into()), 3),
            (Matcher::Suffix("_c".into()), 4),
            (Matcher::Suffix("_c".into()), 5),
        ] {
            rules.add(matcher, property);
        }
        let of = |name| rules.of(name).copied();
        assert_eq!(
            (of("a_b"), of("ax"), of("a_x_b"), of("c_c")),
            (Some(1), Some(2), Some(3), Some(5))
        );
        assert_eq!(of("x"), None);
    }
}
