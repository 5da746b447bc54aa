//! Names that are not Prometheus names of old: `[a-zA-Z_:][a-zA-Z0-9_:]*`, for labels without the
//! colon.
//!
//! Version 3 of Prometheus takes any text as a name, and writes it in quotes. To every other reader
//! names are escaped, by one of three schemes, of which a client names one:
//! <https://prometheus.io/docs/instrumenting/escaping_schemes/>. Where that page and the code of
//! Prometheus' Go client differ (two underscores for other characters in `dots`), this follows the
//! code, since servers undo what that code does.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use crate::model::sample_names::names_of_samples;
use crate::model::text::is_name;
use crate::model::{LabelSet, MetricFamily, Series};

/// What happens to other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaping {
    /// Nothing: they are written in quotes.
    AllowUtf8,
    /// Every character that a name may not have becomes an underscore.
    Underscores,
    /// A dot becomes `_dot_`, an underscore two of them, as does any other character.
    Dots,
    /// `U__`, and every such character is its number.
    Values,
}

/// Whether a name is one of a metric or of a label. Only the former may have a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Metric,
    Label,
}

impl Escaping {
    /// The scheme of that name in a header.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "allow-utf-8" => Some(Self::AllowUtf8),
            "underscores" => Some(Self::Underscores),
            "dots" => Some(Self::Dots),
            "values" => Some(Self::Values),
            _ => None,
        }
    }

    /// Whether the name is written as it is, without quotes.
    fn keeps(self, name: &str, of: Of) -> bool {
        is_name(name, of == Of::Metric) && !(self == Self::Dots && name.contains('_'))
    }

    pub(super) fn escaped(self, name: &str, of: Of) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || self.keeps(name, of) {
            return Cow::Borrowed(name);
        }
        let mut escaped = String::from(if self == Self::Values { "U__" } else { "" });
        for (at, c) in name.chars().enumerate() {
            let is_plain = c.is_ascii_alphabetic()
                || (c.is_ascii_digit() && at > 0)
                || (c == ':' && of == Of::Metric);
            match self {
                _ if is_plain => escaped.push(c),
                Self::AllowUtf8 | Self::Underscores => escaped.push('_'),
                Self::Dots if c == '.' => escaped.push_str("_dot_"),
                Self::Values if c != '_' => {
                    // Writing to a string cannot fail.
                    let _ = write!(escaped, "_{:x}_", u32::from(c));
                }
                Self::Dots | Self::Values => escaped.push_str("__"),
            }
        }
        Cow::Owned(escaped)
    }
}

/// A family, and its names as a page shows them.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) family: &'a MetricFamily,
    /// The family's name, escaped.
    pub(super) name: Cow<'a, str>,
    /// Whether the name is written in quotes.
    pub(super) is_quoted: bool,
    /// Whether the labels' names are written as they are.
    pub(super) has_plain_labels: bool,
}

/// The families that a page shows, which are those with series. If escaping makes the names of two
/// families, or of two labels, one name, then the one whose name was changed is left out.
pub(super) fn named<'a>(
    families: impl Iterator<Item = &'a MetricFamily>,
    escaping: Escaping,
    left_out: &mut Vec<String>,
) -> Vec<Named<'a>> {
    let families = families.filter(|family| !family.series.is_empty());
    let mut all: Vec<Named<'a>> = families
        .map(|family| Named {
            family,
            name: escaping.escaped(&family.name, Of::Metric),
            is_quoted: escaping == Escaping::AllowUtf8 && !is_name(&family.name, true),
            has_plain_labels: has_plain_labels(family, escaping),
        })
        .collect();
    if escaping == Escaping::AllowUtf8 {
        return all;
    }
    let is_changed = |named: &Named<'_>| matches!(named.name, Cow::Owned(_));
    if all.iter().any(is_changed) {
        let samples = |named: &Named<'_>| names_of_samples(&named.name, named.family.kind);
        let mut taken: HashSet<String> =
            all.iter().filter(|named| !is_changed(named)).flat_map(samples).collect();
        all.retain(|named| {
            if !is_changed(named) {
                return true;
            }
            let names = samples(named);
            let is_free = !names.iter().any(|name| taken.contains(name));
            if is_free {
                taken.extend(names);
            } else {
                left_out.push(named.family.name.clone());
            }
            is_free
        });
    }
    all.retain(|named| {
        let is_clear = named.has_plain_labels || has_distinct_labels(named.family, escaping);
        if !is_clear {
            left_out.push(named.family.name.clone());
        }
        is_clear
    });
    all
}

fn has_plain_labels(family: &MetricFamily, escaping: Escaping) -> bool {
    // Nearly always all series have the same labels, which are then looked at once.
    let mut known: Option<&LabelSet> = None;
    family.series.iter().all(|Series { labels, .. }| {
        known.replace(labels).is_some_and(|known| known.has_names_of(labels))
            || labels.iter().all(|(name, _)| escaping.keeps(name, Of::Label))
    })
}

fn has_distinct_labels(family: &MetricFamily, escaping: Escaping) -> bool {
    family.series.iter().all(|series| {
        let mut seen = HashSet::new();
        let mut names = series.labels.iter().map(|(name, _)| escaping.escaped(name, Of::Label));
        // The metric's own name is that label in Prometheus.
        names.all(|name| name != "__name__" && seen.insert(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_the_go_client_escapes_them() {
        for (name, underscores, dots, values) in [
            ("plain:name", "plain:name", "plain:name", "plain:name"),
            ("a_b", "a_b", "a__b", "a_b"),
            (
                "mysystem.prod.cpu",
                "mysystem_prod_cpu",
                "mysystem_dot_prod_dot_cpu",
                "U__mysystem_2e_prod_2e_cpu",
            ),
            ("my_name.é", "my_name__", "my__name_dot___", "U__my__name_2e__e9_"),
            ("1x", "_x", "__x", "U___31_x"),
            ("花火", "__", "____", "U___82b1__706b_"),
            ("a b\"c", "a_b_c", "a__b__c", "U__a_20_b_22_c"),
        ] {
            assert_eq!(Escaping::Underscores.escaped(name, Of::Metric), underscores);
            assert_eq!(Escaping::Dots.escaped(name, Of::Metric), dots);
            assert_eq!(Escaping::Values.escaped(name, Of::Metric), values);
            assert_eq!(Escaping::AllowUtf8.escaped(name, Of::Metric), name);
        }
        assert_eq!(Escaping::Values.escaped("a:b", Of::Label), "U__a_3a_b");
    }

    #[test]
    fn what_escaping_makes_one_is_shown_once() {
        let family = |name: &str| MetricFamily::gauge(name, "").with_series(&[], 1.0);
        let labelled = |name: &str, labels: &[(&str, &str)]| {
            MetricFamily::gauge(name, "").with_series(labels, 1.0)
        };
        let mut histogram = family("h.x");
        histogram.kind = crate::model::MetricType::Histogram;
        let families = [
            family("a.b"),
            family("a_b"),
            family("c.d"),
            family("c-d"),
            histogram,
            family("h_x_sum"),
            labelled("l", &[("x.y", "1"), ("x-y", "2")]),
            labelled("m", &[("x.y", "1"), ("x_z", "2")]),
            labelled("n", &[("..name..", "1")]),
        ];
        let mut left_out = Vec::new();
        let shown = named(families.iter(), Escaping::Underscores, &mut left_out);
        let names: Vec<&str> = shown.iter().map(|named| &*named.name).collect();
        assert_eq!(names, ["a_b", "c_d", "h_x_sum", "m"]);
        assert_eq!(left_out, ["a.b", "c-d", "h.x", "l", "n"]);
        assert_eq!(named(families.iter(), Escaping::AllowUtf8, &mut left_out).len(), 9);
        assert_eq!(left_out.len(), 5);
    }
}
