//! All declarations together: their catalogue, and the contradictions among them.
//!
//! Crates declare their metrics without knowing of each other, and the linker brings the
//! declarations together. This module finds those that contradict each other.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind};
use crate::model::kind::Kind;
use crate::model::{GaugeMode, MetricType};

use super::descriptor::{Bounds, Descriptor, Label};
use super::registry::{self, Function, Site, Spec};

/// The declaration of a metric.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Declaration {
    /// The family's name.
    pub name: String,
    /// The family's type.
    pub kind: MetricType,
    /// How the values of processes are combined, for a gauge or a state set.
    pub mode: Option<GaugeMode>,
    /// The help text.
    pub help: String,
    /// The unit as a word, or an empty string.
    pub unit: String,
    /// The names of the labels, sorted.
    pub labels: Vec<String>,
    /// The bounds of the buckets, in the metric's unit, without +Inf.
    pub buckets: Vec<f64>,
    /// The source file of the declaration, or an empty string if it is unknown.
    pub file: String,
    /// The line in that file.
    pub line: u32,
}

impl Declaration {
    /// The place of the declaration, as in a compiler's message.
    fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        if !self.labels.is_empty() {
            write!(f, "{{{}}}", self.labels.join(","))?;
        }
        if let Some(mode) = self.mode {
            write!(f, ", mode {mode}")?;
        }
        write!(f, ": {}", self.help)?;
        if !self.file.is_empty() {
            write!(f, " ({})", self.place())?;
        }
        Ok(())
    }
}

/// Lists every metric that is compiled into this program, used or not, sorted by name and place:
/// for documentation, dashboards, reviews.
///
/// Each annotated function without a name is one declaration, in the families that all of them
/// share. [`Collector::declarations`](crate::Collector::declarations) lists what the processes of a
/// directory declare.
///
/// # Examples
///
/// ```
/// use headcount::{Gauge, GaugeMode, metric};
///
/// /// Jobs waiting.
/// #[metric(name = "queue_depth", mode = "livesum")]
/// static DEPTH: Gauge;
///
/// let declared = headcount::declarations();
/// let depth = declared.iter().find(|one| one.help == "Jobs waiting.").unwrap();
/// assert_eq!((depth.name.as_str(), depth.mode), ("queue_depth", Some(GaugeMode::LiveSum)));
/// assert!(depth.file.ends_with(".rs") && depth.line > 0);
/// ```
pub fn declarations() -> Vec<Declaration> {
    all().into_iter().map(|declared| declared.declaration).collect()
}

/// Checks that all declarations in this program agree. They disagree if a name is declared with two
/// kinds, modes, units, label names, buckets or help texts, if a gauge has its labels in two
/// orders, or if a family has samples with another family's name. In a test, this line guards a
/// code base, including all its dependencies:
///
/// ```standalone_crate
/// headcount::verify().unwrap();
/// ```
///
/// In a running program, of two contradictory declarations the one whose place comes first in the
/// alphabet is in force. The other is reported once through the `log` facade, and is counted as a
/// dropped series, and operations on it as dropped operations. If only help or unit differ, both
/// count, and the first one's texts are shown.
///
/// # Errors
///
/// Returns an error if they disagree. It lists the contradictions, with file and line of both
/// declarations.
pub fn verify() -> Result<(), Conflicts> {
    let found: Vec<Conflict> = conflicts();
    let mut found: Vec<String> = found.into_iter().map(|conflict| conflict.message).collect();
    found.extend(collisions(&declarations()));
    if found.is_empty() { Ok(()) } else { Err(Conflicts(found)) }
}

/// Contradictory declarations.
#[derive(Clone, PartialEq, Eq)]
pub struct Conflicts(Vec<String>);

impl Conflicts {
    /// Returns one sentence for each contradiction, with the places.
    pub fn messages(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Prints the text of [`Display`](fmt::Display), since a failing test shows this.
impl fmt::Debug for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metrics are declared that contradict each other:\n{self}")
    }
}

impl std::error::Error for Conflicts {}

/// Two contradictory declarations.
pub(crate) struct Conflict {
    message: String,
    /// The declaration that is not in force, if only one can be.
    pub(crate) loser: Option<&'static Site>,
}

impl Conflict {
    pub(crate) fn into_error(self) -> Error {
        Error::new(ErrorKind::Conflict { message: self.message })
    }
}

/// Lists each declaration that contradicts the first one of its name.
pub(crate) fn conflicts() -> Vec<Conflict> {
    let mut first = BTreeMap::<String, Declared>::new();
    let mut found = Vec::new();
    for declared in all() {
        let name = declared.declaration.name.clone();
        let Some(known) = first.get(&name) else {
            first.insert(name, declared);
            continue;
        };
        let (a, b) = (&known.declaration, &declared.declaration);
        let Some((what, is_fatal)) = difference(known, &declared) else { continue };
        let message =
            format!("`{name}` is declared with {what}: at {} and at {}", a.place(), b.place());
        found.push(Conflict { message, loser: is_fatal.then_some(declared.site) });
    }
    found
}

/// Whether there may be a contradiction that keeps a declaration from being in force. A program
/// asks this when it starts, so it copies no text.
pub(crate) fn may_conflict() -> bool {
    // Sorted and not hashed: the standard library hashes with random numbers, and panics where it
    // gets none, which nothing that records may do.
    let mut first = BTreeMap::<&str, &Descriptor>::new();
    let shared = [Kind::Calls, Kind::Durations, Kind::InProgress, Kind::Exceptions];
    let shared = shared.map(|kind| registry::shared_family(kind).name);
    registry::sites().any(|site| {
        let Spec::Metric(d) = site.spec() else { return false };
        let known = *first.entry(d.name).or_insert(d);
        !core::ptr::eq(known, d) && !agree(known, d) || shared.contains(&d.name)
    })
}

fn agree(a: &Descriptor, b: &Descriptor) -> bool {
    let has = |d: &Descriptor, name| d.labels.iter().any(|label| label.name() == name);
    let all_in = |a: &Descriptor, b| a.labels.iter().all(|label| has(b, label.name()));
    a.kind.metric() == b.kind.metric()
        && (!a.has_mode() || a.mode == b.mode)
        && a.fan.map(|(name, _)| name) == b.fan.map(|(name, _)| name)
        && (all_in(a, b) && all_in(b, a))
        && (!a.has_mode() || given_order(a).eq(given_order(b)))
        && bounds_of(a.bounds) == bounds_of(b.bounds)
}

/// The labels in the declared order. Each order has its own cells. Sums over both orders are added
/// up, but a gauge would have two values.
fn given_order(d: &Descriptor) -> impl Iterator<Item = &'static str> {
    d.labels.iter().map(Label::name)
}

/// The difference between two declarations of one name, and whether it keeps them from being one
/// family.
fn difference(first: &Declared, second: &Declared) -> Option<(String, bool)> {
    let (a, b) = (&first.declaration, &second.declaration);
    let is_help_meant = first.has_own_help && second.has_own_help;
    let different = |what: &str, a: &dyn fmt::Debug, b: &dyn fmt::Debug, is_fatal| {
        Some((format!("different {what}, {a:?} and {b:?}"), is_fatal))
    };
    if a.kind != b.kind {
        Some((format!("two types, {} and {}", a.kind, b.kind), true))
    } else if a.mode != b.mode {
        let word = |mode: Option<GaugeMode>| mode.map_or("", GaugeMode::as_str);
        different("modes", &word(a.mode), &word(b.mode), true)
    } else if a.labels != b.labels {
        different("labels", &a.labels, &b.labels, true)
    } else if a.mode.is_some() && first.order != second.order {
        different("orders of labels", &first.order, &second.order, true)
    } else if a.buckets != b.buckets {
        different("buckets", &a.buckets, &b.buckets, true)
    } else if a.unit != b.unit {
        different("units", &a.unit, &b.unit, false)
    } else if a.help != b.help && is_help_meant {
        different("help texts", &a.help, &b.help, false)
    } else {
        None
    }
}

/// Lists families whose samples have another family's name: a counter `x_count` beside a histogram
/// `x`.
fn collisions(catalogue: &[Declaration]) -> Vec<String> {
    let mut names = BTreeMap::<String, &Declaration>::new();
    let mut found = BTreeSet::new();
    for declared in catalogue {
        for sample in crate::model::sample_names::names_of_samples(&declared.name, declared.kind) {
            let known = names.entry(sample.clone()).or_insert(declared);
            if known.name != declared.name {
                found.insert(format!(
                    "`{}` and `{}` both have samples called `{sample}`: at {} and at {}",
                    known.name,
                    declared.name,
                    known.place(),
                    declared.place()
                ));
            }
        }
    }
    found.into_iter().collect()
}

/// A declaration, and its site.
struct Declared {
    declaration: Declaration,
    /// Whether the help text was written by a person. A text generated from a function's name is no
    /// statement about the family.
    has_own_help: bool,
    /// The names of the labels in the declared order.
    order: Vec<&'static str>,
    site: &'static Site,
}

/// All declarations, sorted by name and place.
fn all() -> Vec<Declared> {
    let mut all = Vec::new();
    for site in registry::sites() {
        match site.spec() {
            Spec::Metric(d) => {
                let (declaration, has_own_help) = (of_metric(d), d.has_own_help);
                let order = given_order(d).collect();
                all.push(Declared { declaration, has_own_help, order, site });
            }
            Spec::Function(function) => {
                all.extend(of_function(function).into_iter().map(|declaration| Declared {
                    declaration,
                    has_own_help: true,
                    order: Vec::new(),
                    site,
                }));
            }
        }
    }
    all.sort_by(|a, b| {
        let (a, b) = (&a.declaration, &b.declaration);
        (&a.name, &a.file, a.line).cmp(&(&b.name, &b.file, b.line))
    });
    all
}

fn of_metric(d: &Descriptor) -> Declaration {
    let names = d.labels.iter().map(Label::name).chain(d.fan.map(|(name, _)| name));
    let mut labels: Vec<String> = names.map(str::to_owned).collect();
    labels.sort_unstable();
    Declaration {
        name: d.name.to_owned(),
        kind: d.kind.metric(),
        mode: d.mode_if_any(),
        help: d.help.to_owned(),
        unit: d.unit.to_owned(),
        labels,
        buckets: bounds_of(d.bounds),
        file: d.file.to_owned(),
        line: d.line,
    }
}

fn of_function(function: &Function) -> Vec<Declaration> {
    let has = |bits| function.what & bits != 0;
    [
        (Kind::Calls, has(registry::COUNTED | registry::COUNTED_OUTCOME)),
        (Kind::Durations, has(registry::TIMED | registry::TIMED_OUTCOME)),
        (Kind::InProgress, has(registry::IN_PROGRESS)),
        (Kind::Exceptions, has(registry::EXCEPTIONS)),
    ]
    .into_iter()
    .filter(|(_, has)| *has)
    .map(|(kind, _)| {
        let shared = registry::shared_family(kind);
        let labels = vec!["function".to_owned(), "module".to_owned()];
        let (file, line) = (function.place.file().to_owned(), function.place.line());
        Declaration { labels, file, line, ..of_metric(&shared) }
    })
    .collect()
}

fn bounds_of(bounds: Bounds) -> Vec<f64> {
    match bounds {
        Bounds::None => vec![],
        Bounds::Float(bounds) => bounds.to_vec(),
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        Bounds::Nanos(bounds) => bounds.iter().map(|bound| *bound as f64 / 1e9).collect(),
    }
}
