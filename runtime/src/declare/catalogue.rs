//! All declarations together: their catalogue, and the contradictions among them.
//!
//! Crates declare their metrics without knowing of each other, and the linker brings the
//! declarations together. This module finds those that contradict each other.

use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::model::kind::Kind;
use crate::model::sorted::{SortedMap, SortedSet};
use crate::model::{GaugeMode, MetricType, cold_sort};

use super::definition::Definition;
use super::descriptor::{Bounds, Descriptor, Label};
use super::durations;
use super::registry::{self, Function, Site, Spec};

/// The declaration of a metric.
///
/// ```
/// use headcount::{Counter, MetricType, metric};
///
/// /// Letters sent.
/// #[metric(name = "declared_letters_total")]
/// fn letters(to: &str) -> Counter;
///
/// letters("Oslo").inc();
/// let declared = headcount::declarations();
/// let letters = declared.iter().find(|one| one.name == "declared_letters_total").unwrap();
/// assert_eq!((letters.kind, letters.mode), (MetricType::Counter, None));
/// assert_eq!((&letters.labels[..], &letters.help[..]), (&["to".to_owned()][..], "Letters sent."));
/// assert!(letters.to_string().starts_with("counter declared_letters_total{to}"));
/// assert!(letters.line > 0);
/// ```
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
    /// The bounds of the buckets, in the metric's unit, without +Inf; empty for a native histogram.
    pub buckets: Vec<f64>,
    /// The schema of a native histogram, which has 2^schema buckets for each power of two; `None`
    /// for anything else.
    pub native: Option<i8>,
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

/// A table of declarations. What annotated functions share is one row, as it is one family.
pub(crate) fn markdown(declarations: &[Declaration]) -> String {
    let cell =
        |text: &str| text.replace(['\n', '\r'], " ").replace('\\', "\\\\").replace('|', "\\|");
    let mut rows: Vec<String> = declarations
        .iter()
        .map(|one| {
            let labels: Vec<String> =
                one.labels.iter().map(|label| format!("`{}`", cell(label))).collect();
            let mode = one.mode.map(|mode| format!(", {mode}")).unwrap_or_default();
            format!(
                "| `{}` | {}{mode} | {} | {} | {} |\n",
                cell(&one.name),
                one.kind,
                cell(&one.unit),
                labels.join(", "),
                cell(&one.help),
            )
        })
        .collect();
    rows.dedup();
    let head = "| family | type | unit | labels | help |\n|---|---|---|---|---|\n";
    head.to_owned() + &rows.concat()
}

/// All declarations of the program, sorted by name and place. `others` are those that the linker's
/// list does not have.
pub(crate) fn list(others: &[&'static Site]) -> Vec<Declaration> {
    all(others).into_iter().map(|declared| declared.declaration).collect()
}

/// Checks that all declarations of the program agree; `others` are as in [`list`].
pub(crate) fn check(others: &[&'static Site]) -> Result<(), Conflicts> {
    let found = conflicts(others);
    let mut found: Vec<String> = found.into_iter().map(|conflict| conflict.message).collect();
    found.extend(collisions(&list(others)));
    found.extend(durations::conflict());
    if found.is_empty() { Ok(()) } else { Err(Conflicts(found)) }
}

/// Contradictory declarations, with the file and line of both: the error of
/// [`verify`](crate::verify).
///
/// ```standalone_crate
/// match headcount::verify() {
///     Ok(()) => assert!(headcount::declarations().is_empty()), // this program declares nothing
///     Err(conflicts) => panic!("{conflicts}"),
/// }
/// ```
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
pub(crate) fn conflicts(others: &[&'static Site]) -> Vec<Conflict> {
    let mut first = SortedMap::<String, Declared>::new();
    let mut found = Vec::new();
    for declared in all(others) {
        let name = declared.declaration.name.clone();
        let Some(known) = first.get(&name) else {
            first.insert(name, declared);
            continue;
        };
        let Some((what, is_fatal)) = difference(known, &declared) else { continue };
        let message = contradiction(&known.declaration, &declared.declaration, &what);
        let loser = declared.site.filter(|_| is_fatal);
        found.push(Conflict { message, loser });
    }
    found
}

fn contradiction(first: &Declaration, second: &Declaration, what: &str) -> String {
    let (name, first, second) = (&first.name, first.place(), second.place());
    format!("`{name}` is declared with {what}: at {first} and at {second}")
}

/// The error if a definition can't be in force beside a declaration of its name.
pub(crate) fn contradicts(known: &'static Site, definition: &Definition) -> Option<Error> {
    let Spec::Metric(d) = known.spec() else { return None };
    let (first, second) = (Declared::of_metric(known, d), Declared::of_definition(definition));
    let (what, is_fatal) = difference(&first, &second)?;
    let message = contradiction(&first.declaration, &second.declaration, &what);
    is_fatal.then(|| Error::new(ErrorKind::Conflict { message }))
}

/// The error if two declarations of one name can't both be in force.
pub(crate) fn contradict(first: &'static Site, second: &'static Site) -> Option<Error> {
    let (Spec::Metric(a), Spec::Metric(b)) = (first.spec(), second.spec()) else { return None };
    if agree(a, b) {
        return None;
    }
    let (first, second) = (Declared::of_metric(first, a), Declared::of_metric(second, b));
    let (what, is_fatal) = difference(&first, &second)?;
    let message = contradiction(&first.declaration, &second.declaration, &what);
    is_fatal.then(|| Error::new(ErrorKind::Conflict { message }))
}

/// Whether there may be a contradiction that keeps a declaration from being in force. A program
/// asks this when it starts, so it copies no text.
pub(crate) fn may_conflict() -> bool {
    // Sorted and not hashed: the standard library hashes with random numbers, and panics where it
    // gets none, which nothing that records may do.
    let mut first = SortedMap::<&str, &Descriptor>::new();
    let shared =
        [Kind::Calls, Kind::Durations, Kind::InProgress, Kind::OldestStart, Kind::Exceptions];
    let shared = shared.map(|kind| registry::shared_family(kind).name);
    registry::sites().any(|site| {
        let Spec::Metric(d) = site.spec() else { return false };
        let known = *first.or_insert_with(d.name, || d);
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
        && (a.kind.is_native(), a.schema) == (b.kind.is_native(), b.schema)
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
    } else if a.mode != b.mode && a.kind.has_mode() {
        let word = |mode: Option<GaugeMode>| mode.map_or("", GaugeMode::as_str);
        different("modes", &word(a.mode), &word(b.mode), true)
    } else if a.labels != b.labels && !(first.is_foreign && second.is_foreign) {
        different("labels", &a.labels, &b.labels, true)
    } else if a.kind.has_mode() && a.labels == b.labels && first.order != second.order {
        different("orders of labels", &first.order, &second.order, true)
    } else if a.buckets != b.buckets {
        different("buckets", &a.buckets, &b.buckets, true)
    } else if a.native != b.native {
        let word = |native: Option<i8>| native.map_or("none".to_owned(), |n| n.to_string());
        different("native schemas", &word(a.native), &word(b.native), true)
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
    let mut names = SortedMap::<String, &Declaration>::new();
    let mut found = SortedSet::new();
    for declared in catalogue {
        for sample in crate::model::sample_names::names_of_samples(&declared.name, declared.kind) {
            let known = names.or_insert_with(sample.clone(), || declared);
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

/// A declaration, and what else matters when two are compared.
struct Declared {
    declaration: Declaration,
    /// Whether the help text was written by a person. A text generated from a function's name is no
    /// statement about the family.
    has_own_help: bool,
    /// The names of the labels in the declared order.
    order: Vec<String>,
    /// Whether it was declared for another library.
    is_foreign: bool,
    /// `None` for a definition that is not in force yet.
    site: Option<&'static Site>,
}

impl Declared {
    fn of_metric(site: &'static Site, d: &Descriptor) -> Self {
        Self {
            declaration: of_metric(d),
            has_own_help: d.has_own_help,
            order: given_order(d).map(str::to_owned).collect(),
            is_foreign: d.is_foreign,
            site: Some(site),
        }
    }

    fn of_definition(definition: &Definition) -> Self {
        Self {
            declaration: of_definition(definition),
            has_own_help: true,
            order: definition.labels.clone(),
            is_foreign: definition.is_foreign,
            site: None,
        }
    }
}

/// All declarations, sorted by name and place; `others` are those that the linker's list does not
/// have.
fn all(others: &[&'static Site]) -> Vec<Declared> {
    let mut all = Vec::new();
    for site in registry::sites().chain(others.iter().copied()) {
        match site.spec() {
            Spec::Metric(d) => all.push(Declared::of_metric(site, d)),
            Spec::Function(function) => {
                all.extend(of_function(function).into_iter().map(|declaration| Declared {
                    declaration,
                    has_own_help: true,
                    order: Vec::new(),
                    is_foreign: false,
                    site: Some(site),
                }));
            }
        }
    }
    cold_sort::sort_by(&mut all, |a, b| {
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
        native: native_schema(d.kind.is_native(), d.schema),
        file: d.file.to_owned(),
        line: d.line,
    }
}

fn of_definition(definition: &Definition) -> Declaration {
    let is_states = definition.kind == Kind::StateSet;
    let states = is_states.then(|| definition.name.clone());
    let mut labels: Vec<String> = definition.labels.iter().cloned().chain(states).collect();
    labels.sort_unstable();
    Declaration {
        name: definition.name.clone(),
        kind: definition.kind.metric(),
        mode: definition.mode_if_any(),
        help: definition.help.clone(),
        unit: definition.unit.clone(),
        labels,
        buckets: definition.bounds().to_vec(),
        native: native_schema(definition.kind.is_native(), definition.schema),
        file: definition.file.to_string(),
        line: definition.line,
    }
}

fn of_function(function: &Function) -> Vec<Declaration> {
    let has = |bits| function.what & bits != 0;
    [
        (Kind::Calls, has(registry::COUNTED | registry::COUNTED_OUTCOME)),
        (Kind::Durations, has(registry::TIMED | registry::TIMED_OUTCOME)),
        (Kind::InProgress, has(registry::IN_PROGRESS)),
        (Kind::OldestStart, has(registry::OLDEST)),
        (Kind::Exceptions, has(registry::EXCEPTIONS)),
    ]
    .into_iter()
    .filter(|(_, has)| *has)
    .map(|(kind, _)| {
        let shared = durations::function_family(kind);
        let labels = vec!["function".to_owned(), "module".to_owned()];
        let (file, line) = (function.place.file().to_owned(), function.place.line());
        Declaration { labels, file, line, ..of_metric(&shared) }
    })
    .collect()
}

/// The schema of a native histogram.
pub(crate) fn native_schema(is_native: bool, schema: u8) -> Option<i8> {
    i8::try_from(schema).ok().filter(|_| is_native)
}

fn bounds_of(bounds: Bounds) -> Vec<f64> {
    match bounds {
        Bounds::None => vec![],
        Bounds::Float(bounds) => bounds.to_vec(),
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
        Bounds::Nanos(bounds) => bounds.iter().map(|bound| *bound as f64 / 1e9).collect(),
    }
}
