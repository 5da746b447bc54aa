//! A declaration that is made at run time: its rules, and how it becomes a site.
//!
//! What the compiler rejects in a macro is an error value here, with the same message. A definition
//! that passes is one that every reader accepts.

use std::borrow::Cow;
use std::time::Duration;

use crate::error::Error;
use crate::model::GaugeMode;
use crate::model::cells::MAX_BOUNDS;
use crate::model::cold_sort;
use crate::model::kind::Kind;
use crate::model::rules;
use crate::model::text::{MAX_LABEL_VALUE_LEN, MAX_NAME, cut};

use super::descriptor::{
    Bounds, DEFAULT_BOUNDS, Descriptor, Label, MAX_DENSE, MOST_LABELS, RemoveIdle,
};
use super::registry::{Site, Slot};

/// The greatest idle timeout, which is also that of the macros.
const MOST_SECONDS: u64 = 100 * 366 * 86_400;

/// Longer texts don't fit into a record.
const MAX_TEXT: usize = u16::MAX as usize;

/// A metric as it is declared at run time, before it is checked.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) unit: String,
    pub(crate) labels: Vec<String>,
    pub(crate) states: Vec<Cow<'static, str>>,
    pub(crate) mode: GaugeMode,
    /// `None` means the default bounds.
    pub(crate) buckets: Option<Vec<f64>>,
    /// Of a native histogram.
    pub(crate) schema: u8,
    pub(crate) max_series: u32,
    /// With what removes idle rows.
    pub(crate) idle_timeout: Option<(Duration, RemoveIdle)>,
    /// Whether it keeps exemplars of its own accord.
    pub(crate) exemplars: bool,
    pub(crate) file: Cow<'static, str>,
    pub(crate) line: u32,
    /// Whether names may be any text without spaces.
    pub(crate) is_utf8: bool,
    /// Whether the names and texts are another library's, so that the rules of style don't apply.
    pub(crate) is_foreign: bool,
}

impl Definition {
    pub(crate) fn new(kind: Kind, name: String, help: String) -> Self {
        Self {
            kind,
            name,
            help,
            unit: String::new(),
            labels: Vec::new(),
            states: Vec::new(),
            mode: kind.default_mode(),
            buckets: None,
            schema: 0,
            max_series: 1_000,
            idle_timeout: None,
            exemplars: false,
            file: Cow::Borrowed(""),
            line: 0,
            is_utf8: false,
            is_foreign: false,
        }
    }

    /// Checks the definition. The error names the metric, the rule and the place.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.problem().map_or(Ok(()), |problem| Err(self.refused(&problem)))
    }

    /// The error for a definition that breaks a rule.
    pub(crate) fn refused(&self, problem: &str) -> Error {
        // A name may be of any length here, and contain anything.
        let name = cut(&self.name, 200);
        let message = format!("`{name}` can't be declared at {}: {problem}", self.place());
        Error::invalid(message)
    }

    /// The place of the declaration, as `file:line`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", cut(&self.file, 200), self.line)
    }

    fn problem(&self) -> Option<String> {
        self.name_problem()
            .or_else(|| self.text_problem())
            .or_else(|| self.labels_problem())
            .or_else(|| self.states_problem())
            .or_else(|| self.buckets_problem())
            .or_else(|| self.limits_problem())
    }

    fn name_problem(&self) -> Option<String> {
        let class = self.kind.class();
        let has_unit = !self.unit.is_empty();
        let is_word = rules::is_metric_name(&self.name) && !self.name.is_empty();
        if self.name.len() > MAX_NAME {
            return Some("its name has more than 1,024 bytes".to_owned());
        }
        let problem = if self.is_utf8 || is_word {
            rules::utf8_metric_problem(&self.name)
        } else {
            rules::name_problem(class, "", &self.name, has_unit)
        };
        let ending = || rules::ending_problem(class, &self.name, has_unit, str::to_owned);
        problem.or_else(|| if self.is_foreign { None } else { ending() })
    }

    fn text_problem(&self) -> Option<String> {
        let class = self.kind.class();
        if !self.unit.is_empty() {
            let problem = if self.is_foreign {
                rules::unit_word_problem(class, &self.unit)
            } else {
                rules::unit_problem(class, "", &self.name, &self.unit)
            };
            if problem.is_some() {
                return problem;
            }
        }
        let help = rules::help_problem(&self.help).filter(|_| !self.is_foreign);
        help.or_else(|| {
            let texts = [("help", &*self.help), ("unit", &*self.unit), ("place", &*self.file)];
            let (what, _) = texts.into_iter().find(|(_, text)| text.len() > MAX_TEXT)?;
            Some(format!("its {what} has more than {MAX_TEXT} bytes"))
        })
    }

    fn labels_problem(&self) -> Option<String> {
        if self.labels.len() > MOST_LABELS {
            return Some(format!("a family has at most {MOST_LABELS} labels"));
        }
        for (nth, label) in self.labels.iter().enumerate() {
            if label.len() > MAX_NAME {
                return Some("a label's name has more than 1,024 bytes".to_owned());
            }
            let problem = self.label_problem(label);
            if problem.is_some() {
                return problem;
            }
            if self.labels.iter().take(nth).any(|before| before == label) {
                return Some(format!("the label `{label}` is given twice"));
            }
        }
        None
    }

    fn label_problem(&self, label: &str) -> Option<String> {
        // Another library's users call labels as they like. Only what is added to the samples of
        // this very family can't be theirs.
        let is_free = label != self.added_label();
        if self.is_foreign && is_free && rules::RESERVED_LABELS.contains(&label) {
            return None;
        }
        if self.is_utf8 { rules::utf8_label_problem(label) } else { rules::label_problem(label) }
    }

    /// The label that pages add to samples of this family, or an empty string.
    fn added_label(&self) -> &'static str {
        let is_each = self.mode_if_any().is_some_and(GaugeMode::is_all);
        if is_each { "pid" } else { self.kind.metric().own_label() }
    }

    fn states_problem(&self) -> Option<String> {
        if self.kind != Kind::StateSet {
            return None;
        }
        if self.states.is_empty() {
            return Some("a state set needs states".to_owned());
        }
        // The label of the states has the family's name.
        if let Some(problem) = self.label_problem(&self.name) {
            return Some(problem);
        }
        if self.labels.contains(&self.name) {
            return Some("the label that has a state set's name is that of its states".to_owned());
        }
        let mut sorted: Vec<&str> = self.states.iter().map(|state| &**state).collect();
        cold_sort::sort_by(&mut sorted, Ord::cmp);
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(format!("the state `{}` is given twice", cut(twice[0], 200)));
        }
        let is_wrong = |state: &&str| state.is_empty() || state.len() > MAX_LABEL_VALUE_LEN;
        if sorted.iter().any(is_wrong) {
            return Some("a state is a text of 1 to 1,024 bytes".to_owned());
        }
        (self.states.len() as u64 > MAX_DENSE)
            .then(|| format!("a state set has at most {MAX_DENSE} states"))
    }

    fn buckets_problem(&self) -> Option<String> {
        match &self.buckets {
            _ if self.kind == Kind::NativeHistogram => self.native_problem(),
            Some(bounds) => bounds_problem(bounds),
            None if self.kind == Kind::Histogram && !self.is_foreign => {
                rules::no_buckets_problem(&self.name)
            }
            None => None,
        }
    }

    fn native_problem(&self) -> Option<String> {
        let problem = rules::schema_problem(self.schema.into());
        let both = "a native histogram has buckets of its own: leave out `buckets`";
        problem.or_else(|| self.buckets.is_some().then_some(both)).map(str::to_owned)
    }

    fn limits_problem(&self) -> Option<String> {
        let mode = self.kind.broken_rule(self.mode).map(str::to_owned);
        let max_series = || rules::max_series_problem(u64::from(self.max_series));
        mode.or_else(max_series).or_else(|| {
            let seconds = self.idle_timeout?.0.as_secs();
            let is_fine = (1..=MOST_SECONDS).contains(&seconds);
            (!is_fine).then(|| "`idle_timeout` is a second to a hundred years".to_owned())
        })
    }

    fn idle_seconds(&self) -> u32 {
        let seconds = self.idle_timeout.map_or(0, |(timeout, _)| timeout.as_secs());
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// The mode that a log has for it, if any.
    pub(crate) fn mode_if_any(&self) -> Option<GaugeMode> {
        self.kind.mode_in_log(self.mode)
    }

    /// The bounds of its buckets; empty if it is no histogram.
    pub(crate) fn bounds(&self) -> &[f64] {
        match self.kind {
            Kind::Histogram => self.buckets.as_deref().unwrap_or(DEFAULT_BOUNDS),
            _ => &[],
        }
    }

    /// Whether a description of its name may give it a help text.
    pub(crate) fn lacks_help(&self) -> bool {
        self.is_foreign && self.help.is_empty()
    }

    /// Whether a declaration in force is the same, apart from its place. One that lacks a help text
    /// is the same as one that was described.
    pub(crate) fn is(&self, d: &Descriptor) -> bool {
        let states = d.fan.map_or(&[][..], |(_, states)| states);
        let bounds = match d.bounds {
            Bounds::Float(bounds) => bounds,
            Bounds::None | Bounds::Nanos(_) => &[],
        };
        let bits = |bounds: &[f64]| bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
        self.kind == d.kind
            && self.name == d.name
            && (self.help == d.help && self.unit == d.unit || self.lacks_help())
            && self.labels.iter().eq(d.labels.iter().map(Label::name))
            && self.states.iter().eq(states)
            && self.mode_if_any() == d.mode_if_any()
            && bits(self.bounds()) == bits(bounds)
            && self.schema == d.schema
            && self.max_series == d.max_series
            && self.idle_seconds() == d.idle_timeout
            && self.exemplars == d.exemplars
            && self.is_foreign == d.is_foreign
    }

    /// Makes a site of a definition that was [checked](Self::check). The site stays for ever.
    pub(crate) fn into_site(self) -> &'static Site {
        let texts = Texts::leak(&self);
        let labels: Vec<Label> = texts.labels.into_iter().map(Label::Open).collect();
        let mut d = Descriptor::new(self.kind, texts.name, texts.help, texts.file, self.line)
            .labels(leak(labels))
            .max_series(self.max_series);
        // By the fields: the constructors panic where a rule is broken, and a run-time declaration
        // never does.
        d.unit = texts.unit;
        d.idle_timeout = self.idle_seconds();
        d.remove_idle = self.idle_timeout.map(|(_, remove)| remove);
        d.mode = self.mode;
        d.is_foreign = self.is_foreign;
        d.schema = self.schema;
        d.exemplars = self.exemplars;
        if self.kind == Kind::StateSet {
            d.fan = Some((texts.name, leak(texts.states)));
        }
        if let (Kind::Histogram, Some(bounds)) = (self.kind, self.buckets) {
            d.bounds = Bounds::Float(leak(bounds));
        }
        let slot: &'static Slot = Box::leak(Box::new(Slot::NEW));
        Box::leak(Box::new(Site::metric(slot, d)))
    }
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    if list.is_empty() { &[] } else { Box::leak(list.into_boxed_slice()) }
}

/// The texts of a definition, in one piece of memory that is never given back.
struct Texts {
    name: &'static str,
    help: &'static str,
    unit: &'static str,
    file: &'static str,
    labels: Vec<&'static str>,
    states: Vec<&'static str>,
}

impl Texts {
    fn leak(from: &Definition) -> Self {
        let file = match &from.file {
            Cow::Borrowed(file) => Err(*file),
            Cow::Owned(file) => Ok(file.as_str()),
        };
        let mut all = [&*from.name, &*from.help, &*from.unit, file.unwrap_or_default()].concat();
        from.labels.iter().for_each(|label| all.push_str(label));
        from.states.iter().for_each(|state| all.push_str(state));
        let mut rest: &'static str = Box::leak(all.into_boxed_str());
        let mut next = |text: &str| {
            let (text, behind) = rest.split_at(text.len());
            rest = behind;
            text
        };
        Self {
            name: next(&from.name),
            help: next(&from.help),
            unit: next(&from.unit),
            file: {
                let own = next(file.unwrap_or_default());
                file.map_or_else(|known| known, |_| own)
            },
            labels: from.labels.iter().map(|label| next(label)).collect(),
            states: from.states.iter().map(|state| next(state)).collect(),
        }
    }
}

/// What is wrong with bucket bounds: the rules of [`bounds`](super::descriptor::bounds).
fn bounds_problem(bounds: &[f64]) -> Option<String> {
    if bounds.is_empty() {
        return Some("at least one bucket bound is needed".to_owned());
    }
    if bounds.len() >= MAX_BOUNDS {
        return Some("more than 1,000 buckets".to_owned());
    }
    if !bounds.iter().all(|bound| bound.is_finite()) {
        let problem = "bucket bounds must be finite: the last bucket, `+Inf`, always exists";
        return Some(problem.to_owned());
    }
    let pairs = bounds.iter().zip(bounds.iter().skip(1));
    let (before, bound) = pairs.clone().find(|(before, bound)| before >= bound)?;
    Some(format!("bucket bounds must ascend: {bound} comes after {before}"))
}
