//! Builders of declarations.

use core::marker::PhantomData;
use core::panic::Location;
use std::borrow::Cow;
use std::time::Duration;

use crate::declare::definition::Definition;
use crate::declare::registry::Site;
use crate::error::Error;
use crate::label::LabelValue;
use crate::metric::{self, AnyState, Counter, Gauge, Handle, Histogram, Info, StateSet, Summary};
use crate::model::GaugeMode;
use crate::model::kind::Kind;
use crate::model::text::cut;
use crate::store;

use super::Family;

/// A declaration that is being put together: see the [module](super).
///
/// [`register`](Self::register) and [`register_family`](Self::register_family) check it and declare
/// the metric.
#[derive(Debug, Clone)]
#[must_use = "a builder declares nothing until `register` or `register_family` is called"]
pub struct Builder<T> {
    definition: Definition,
    metric: PhantomData<fn() -> T>,
}

/// Gives a help text and a unit to the families of this name that are declared
/// [for another library](Builder::foreign) without a help text, now or later.
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// let moves = dynamic::counter("moves", "").foreign().register()?;
/// moves.inc();
/// dynamic::describe("moves", "Moves of the arm.", "");
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# HELP moves Moves of the arm.\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn describe(name: &str, help: &str, unit: &str) {
    // Longer texts don't fit into a record, and a unit is a word.
    let help = cut(help, usize::from(u16::MAX));
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let unit = if unit.chars().all(is_word) { cut(unit, 100) } else { "" };
    store::describe(name, help, unit);
}

/// Declares a [`Counter`] of whole numbers.
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// let jobs = dynamic::counter("jobs_ended_total", "Jobs that ended.").register()?;
/// jobs.inc_by(2);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("# HELP jobs_ended_total Jobs that ended.\n"));
/// assert!(text.contains("jobs_ended_total 2\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn counter(name: impl Into<String>, help: impl Into<String>) -> Builder<Counter> {
    Builder::new(name.into(), help.into())
}

/// Declares a [`Counter`] of quantities that are not whole numbers.
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// let energy = dynamic::float_counter("used_joules_total", "Energy used.").unit("joules");
/// energy.register()?.inc_by(0.5);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("used_joules_total 0.5\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn float_counter(name: impl Into<String>, help: impl Into<String>) -> Builder<Counter<f64>> {
    Builder::new(name.into(), help.into())
}

/// Declares a [`Gauge`]. The mode says how the values of several processes are combined.
///
/// # Examples
///
/// ```
/// use headcount::{GaugeMode, dynamic};
///
/// let oldest = dynamic::gauge("oldest_job_seconds", "Age of the oldest job.", GaugeMode::Max);
/// oldest.register()?.set(1.5);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("oldest_job_seconds 1.5\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn gauge(name: impl Into<String>, help: impl Into<String>, mode: GaugeMode) -> Builder<Gauge> {
    Builder::new(name.into(), help.into()).with_mode(mode)
}

/// Declares a [`Histogram`]. Without [`buckets`](Builder::buckets) it has those of Prometheus'
/// other client libraries, which are for durations in seconds; with [`native`](Builder::native), it
/// has fine ones for values of any magnitude.
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// let sizes = dynamic::histogram("body_bytes", "Sizes of bodies.").unit("bytes");
/// sizes.buckets([100.0, 1000.0]).register()?.observe(250);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("body_bytes_bucket{le=\"1000.0\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn histogram(name: impl Into<String>, help: impl Into<String>) -> Builder<Histogram> {
    Builder::new(name.into(), help.into())
}

/// Declares a [`Summary`].
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// dynamic::summary("reply_bytes", "Sizes of replies.").register()?.observe(250);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("reply_bytes_sum 250\nreply_bytes_count 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn summary(name: impl Into<String>, help: impl Into<String>) -> Builder<Summary> {
    Builder::new(name.into(), help.into())
}

/// Declares an [`Info`].
///
/// # Examples
///
/// ```
/// use headcount::dynamic;
///
/// let plugin = dynamic::info("plugin_info", "The plugin that is loaded.").labels(["version"]);
/// plugin.register_family()?.with_label_values(&["1.4"]).set();
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("plugin_info{version=\"1.4\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn info(name: impl Into<String>, help: impl Into<String>) -> Builder<Info> {
    Builder::new(name.into(), help.into())
}

/// Declares a [`StateSet`] whose states are the values of a type.
///
/// # Examples
///
/// ```
/// use headcount::{GaugeMode, LabelValue, dynamic};
///
/// #[derive(LabelValue)]
/// enum Phase {
///     Starting,
///     Serving,
/// }
///
/// let phase = dynamic::state_set::<Phase>("plugin_phase", "What it does.", GaugeMode::LiveSum);
/// phase.register()?.set(Phase::Serving);
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("plugin_phase{plugin_phase=\"serving\"} 1\n"));
/// assert!(text.contains("plugin_phase{plugin_phase=\"starting\"} 0\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn state_set<T: LabelValue>(
    name: impl Into<String>,
    help: impl Into<String>,
    mode: GaugeMode,
) -> Builder<StateSet<T>> {
    let states = T::VALUES.iter().map(|state| Cow::Borrowed(*state));
    Builder::new(name.into(), help.into()).with_mode(mode).with_states(states.collect())
}

/// Declares a [`StateSet`] whose states are known only at run time.
///
/// # Examples
///
/// ```
/// use headcount::{GaugeMode, dynamic};
///
/// let states = ["idle", "busy"];
/// let arm = dynamic::states("arm_state", "What the arm does.", GaugeMode::LiveSum, states);
/// let arm = arm.register()?;
/// assert!(arm.set_by_name("busy"));
/// assert!(!arm.set_by_name("lost"));
///
/// let text = headcount::Collector::new().collect()?.to_text();
/// assert!(text.contains("arm_state{arm_state=\"busy\"} 1\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[track_caller]
pub fn states<S: Into<String>>(
    name: impl Into<String>,
    help: impl Into<String>,
    mode: GaugeMode,
    states: impl IntoIterator<Item = S>,
) -> Builder<StateSet<AnyState>> {
    let states = states.into_iter().map(|state| Cow::Owned(state.into()));
    Builder::new(name.into(), help.into()).with_mode(mode).with_states(states.collect())
}

impl<T: Handle> Builder<T> {
    #[track_caller]
    fn new(name: String, help: String) -> Self {
        let place = Location::caller();
        let mut definition = Definition::new(T::KIND, name, help);
        (definition.file, definition.line) = (Cow::Borrowed(place.file()), place.line());
        Self { definition, metric: PhantomData }
    }

    fn with_mode(mut self, mode: GaugeMode) -> Self {
        self.definition.mode = mode;
        self
    }

    fn with_states(mut self, states: Vec<Cow<'static, str>>) -> Self {
        self.definition.states = states;
        self
    }

    /// Sets the names of the labels, in the order in which
    /// [`with_label_values`](Family::with_label_values) takes their values. There may be 60.
    pub fn labels<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.definition.labels = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the unit, as a word: `seconds`, `bytes`. The name must end in it.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.definition.unit = unit.into();
        self
    }

    /// Sets the maximum number of series of the family in one process. Further ones are counted in
    /// the series whose label values are `_other`. The default is 1,000.
    pub fn max_series(mut self, most: u32) -> Self {
        self.definition.max_series = most;
        self
    }

    /// Sets after how much time each process removes a series that it has not touched. The time is
    /// counted in whole seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.definition.idle_timeout = Some((timeout, store::remove_idle));
        self
    }

    /// Sets the place of the declaration, where it is not the caller of this module: a line of a
    /// configuration file, or of a program in another language.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let error = dynamic::counter("jobs", "Jobs.").declared_at("jobs.toml", 7).register();
    /// let message = error.unwrap_err().to_string();
    /// assert!(message.starts_with("`jobs` can't be declared at jobs.toml:7: a counter's name"));
    /// ```
    pub fn declared_at(mut self, file: impl Into<Cow<'static, str>>, line: u32) -> Self {
        (self.definition.file, self.definition.line) = (file.into(), line);
        self
    }

    /// Accepts names of the family and its labels that are any text of up to 1,024 bytes without
    /// spaces, such as `http.server.duration`. Clients that can't read such names get them escaped:
    /// with underscores, unless they ask for another scheme.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let calls = dynamic::counter("rpc.calls_total", "Calls.").labels(["rpc.method"]);
    /// calls.utf8_names().register_family()?.with_label_values(&["Get"]).inc();
    ///
    /// let snapshot = headcount::Collector::new().collect()?;
    /// assert!(snapshot.to_text().contains("rpc_calls_total{rpc_method=\"Get\"} 1\n"));
    /// let page = snapshot.render("text/plain;version=1.0.0;escaping=allow-utf-8");
    /// let page = String::from_utf8_lossy(page.body());
    /// assert!(page.contains("{\"rpc.calls_total\",\"rpc.method\"=\"Get\"} 1\n"), "{page}");
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn utf8_names(mut self) -> Self {
        self.definition.is_utf8 = true;
        self
    }

    /// Declares the metric for another library, whose users chose its name: for bridges from other
    /// facades. Names may end in anything, the help text may be empty, and families of one name may
    /// have different labels. Labels may be called `pid`, `le` and `quantile`, except where the
    /// page adds one of that name. What no page can show is refused all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let calls = |label| dynamic::counter("calls", "").labels([label]).foreign();
    /// calls("route").register_family()?.with_label_values(&["/"]).inc();
    /// calls("queue").register_family()?.with_label_values(&["mail"]).inc();
    ///
    /// let text = headcount::Collector::new().collect()?.to_text();
    /// assert!(text.contains("calls{queue=\"mail\"} 1\n"));
    /// assert!(text.contains("calls{route=\"/\"} 1\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn foreign(mut self) -> Self {
        self.definition.is_foreign = true;
        self
    }

    /// Declares the metric, which has no labels, and returns its handle.
    ///
    /// # Errors
    ///
    /// Returns an error if the declaration breaks a rule or has labels
    /// ([`Error::is_invalid`]), contradicts another one of its name ([`Error::is_conflict`]), or is
    /// one too many ([`Error::is_limit`]). A directory that can't be used or is full is no error
    /// here, as it is none for any other metric: [`health`](crate::health) reports it.
    pub fn register(self) -> Result<T, Error> {
        if !self.definition.labels.is_empty() {
            return Err(self.definition.refused("it has labels: call `register_family`"));
        }
        self.site().map(metric::at)
    }

    /// Declares the family.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`register`](Self::register), except that a family may have labels.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let sent = dynamic::counter("sent_total", "What was sent.").labels(["to"]);
    /// let family = sent.clone().register_family()?;
    /// family.with_label_values(&["all"]).inc();
    /// // The same again is the same family.
    /// sent.register_family()?.with_label_values(&["all"]).inc();
    /// // Another type is not.
    /// let other = dynamic::float_counter("sent_total", "What was sent.").register();
    /// assert!(other.unwrap_err().is_conflict());
    ///
    /// let text = headcount::Collector::new().collect()?.to_text();
    /// assert!(text.contains("sent_total{to=\"all\"} 2\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn register_family(self) -> Result<Family<T>, Error> {
        self.site().map(Family::new)
    }

    fn site(self) -> Result<&'static Site, Error> {
        let is_foreign = self.definition.is_foreign;
        let declared = self.definition.check().and_then(|()| store::declare(self.definition));
        if let (Err(error), true) = (&declared, is_foreign) {
            // The other library's users see no error of ours.
            store::report_misuse(|| error.to_string());
        }
        declared
    }
}

impl Builder<Info> {
    /// Sets whether an info is shown after its process has ended: [`GaugeMode::Max`] shows those of
    /// all processes, [`GaugeMode::LiveMax`], the default, those of the living. An info has no
    /// other mode.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{GaugeMode, dynamic};
    ///
    /// let import = dynamic::info("imported_info", "The imported file.").labels(["file"]);
    /// let import = import.mode(GaugeMode::Max).register_family()?;
    /// import.with_label_values(&["orders.csv"]).set();
    ///
    /// let error = dynamic::info("other_info", "Facts.").mode(GaugeMode::Sum).register();
    /// assert!(error.unwrap_err().is_invalid());
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn mode(self, mode: GaugeMode) -> Self {
        self.with_mode(mode)
    }
}

impl<T> Builder<Counter<T>>
where
    Counter<T>: Handle,
{
    /// Keeps exemplars of what is recorded while the program has a source of traces: see
    /// [`set_trace_source`](crate::set_trace_source).
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{TraceContext, dynamic};
    ///
    /// // A tracing library's function stands here.
    /// headcount::set_trace_source(|| Some(TraceContext::new([1; 16], [2; 8])));
    /// let jobs = dynamic::counter("late_jobs_total", "Late jobs.").exemplars().register()?;
    /// jobs.inc();
    ///
    /// let snapshot = headcount::Collector::new().names(["late_jobs_total"]).collect()?;
    /// let exemplar = snapshot.families()[0].series[0].exemplars[0];
    /// assert_eq!(exemplar.context, TraceContext::new([1; 16], [2; 8]));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn exemplars(mut self) -> Self {
        self.definition.exemplars = true;
        self
    }
}

impl Builder<Histogram> {
    /// Keeps exemplars, one for each bucket, of what is observed while the program has a source of
    /// traces: see [`set_trace_source`](crate::set_trace_source).
    pub fn exemplars(mut self) -> Self {
        self.definition.exemplars = true;
        self
    }

    /// Sets the upper bounds of the buckets, in ascending order and without `+Inf`.
    pub fn buckets(mut self, bounds: impl Into<Vec<f64>>) -> Self {
        self.definition.buckets = Some(bounds.into());
        self
    }

    /// Makes it a [native histogram](macro@crate::metric#native-histograms) with `2^schema` buckets
    /// for each power of two, instead of [`buckets`](Self::buckets). The schema is a number from 0
    /// to 5; that of a declaration in code which names none is 3.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Value, dynamic};
    ///
    /// let loads = dynamic::histogram("load_kilograms", "Weights.").native(5).register()?;
    /// loads.observe(250);
    /// loads.observe(-0.5);
    ///
    /// let snapshot = headcount::Collector::new().collect()?;
    /// let family = snapshot.families().iter().find(|family| family.name == "load_kilograms");
    /// let Value::Histogram(found) = &family.expect("it is declared").series[0].value else {
    ///     panic!("it is a histogram")
    /// };
    /// let native = found.native.as_ref().expect("it is native");
    /// assert_eq!((native.schema, native.count()), (5, 2));
    ///
    /// let error = dynamic::histogram("other_kilograms", "Weights.").native(6).register();
    /// assert!(error.unwrap_err().is_invalid());
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn native(mut self, schema: u8) -> Self {
        self.definition.kind = Kind::NativeHistogram;
        self.definition.schema = schema;
        self
    }
}
