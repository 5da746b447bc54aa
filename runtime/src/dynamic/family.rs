//! A family that was declared at run time.

use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;

use crate::declare::descriptor::Label;
use crate::declare::registry::{Site, Spec};
use crate::error::Error;
use crate::label::Slice;
use crate::metric::{self, Handle};
use crate::store;

/// A family of series that differ in the values of their labels.
///
/// It is a reference that can be copied, sent to other threads, kept in a `static`, and used in
/// forked children.
#[must_use = "a family counts nothing by itself: call `with_label_values`"]
pub struct Family<T> {
    site: &'static Site,
    metric: PhantomData<fn() -> T>,
}

impl<T: Handle> Family<T> {
    pub(super) fn new(site: &'static Site) -> Self {
        Self { site, metric: PhantomData }
    }

    /// Returns the handle of the series with these label values, in the order in which the labels
    /// were declared. A series appears when it is first asked for.
    ///
    /// If the number of values is wrong, the handle counts nothing: each of its operations is a
    /// [dropped one](crate::Health::dropped_operations), and [`health`](crate::health) reports the
    /// first such call with its place. [`get_metric_with_label_values`] returns an error instead.
    ///
    /// [`get_metric_with_label_values`]: Self::get_metric_with_label_values
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::dynamic;
    ///
    /// let replies = dynamic::counter("replies_total", "Replies.").labels(["status"]);
    /// let replies = replies.register_family()?;
    /// let ok = replies.with_label_values(&["200"]);
    /// ok.inc();
    /// ok.inc();
    /// assert!(replies.get_metric_with_label_values(&["200", "get"]).is_err());
    ///
    /// let text = headcount::Collector::new().collect()?.to_text();
    /// assert!(text.contains("replies_total{status=\"200\"} 2\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn with_label_values(self, values: &[&str]) -> T {
        match self.lookup(values) {
            Some(found) => found,
            None => self.misused(values.len(), Location::caller()),
        }
    }

    /// Returns the handle of the series with these label values.
    ///
    /// # Errors
    ///
    /// Returns an error if the number of values is not that of the labels
    /// ([`Error::is_invalid`]).
    #[track_caller]
    pub fn get_metric_with_label_values(self, values: &[&str]) -> Result<T, Error> {
        let wrong = || self.wrong_number(values.len(), Location::caller());
        self.lookup(values).ok_or_else(|| Error::invalid(wrong()))
    }

    /// Removes the series with these label values from this process; see
    /// [`remove_matching`](crate::remove_matching). Returns whether there was one.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{GaugeMode, dynamic};
    ///
    /// let depth = dynamic::gauge("tenant_depth", "Jobs waiting.", GaugeMode::LiveSum);
    /// let depth = depth.labels(["tenant"]).register_family()?;
    /// for tenant in ["a", "b", "c"] {
    ///     depth.with_label_values(&[tenant]).set(1);
    /// }
    ///
    /// assert!(depth.remove_label_values(&["a"]));
    /// assert!(!depth.remove_label_values(&["a"]));
    /// assert_eq!(depth.clear(), 2);
    /// let text = headcount::Collector::new().collect()?.to_text();
    /// assert!(!text.contains("tenant_depth"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn remove_label_values(self, values: &[&str]) -> bool {
        let labels = self.labels();
        if labels.len() != values.len() || labels.is_empty() {
            return false;
        }
        let given: Vec<(&str, &str)> =
            labels.iter().map(Label::name).zip(values.iter().copied()).collect();
        store::remove_matching(self.name(), &given) > 0
    }

    /// Removes all series of the family from this process, and returns how many there were; see
    /// [`remove_matching`](crate::remove_matching).
    pub fn clear(self) -> usize {
        store::remove_matching(self.name(), &[])
    }

    /// Returns the family's name.
    pub fn name(self) -> &'static str {
        match self.site.spec() {
            Spec::Metric(d) => d.name,
            Spec::Function(_) => "",
        }
    }

    #[inline]
    fn labels(self) -> &'static [Label] {
        match self.site.spec() {
            Spec::Metric(d) => d.labels,
            Spec::Function(_) => &[],
        }
    }

    /// `None` if the number of values is wrong.
    #[inline]
    fn lookup(self, values: &[&str]) -> Option<T> {
        if values.len() != self.labels().len() {
            return None;
        }
        // Few values are looked up in registers.
        Some(match *values {
            [] => metric::at(self.site),
            [a] => metric::member(self.site, [a]),
            [a, b] => metric::member(self.site, [a, b]),
            [a, b, c] => metric::member(self.site, [a, b, c]),
            [a, b, c, d] => metric::member(self.site, [a, b, c, d]),
            _ => metric::member(self.site, Slice(values)),
        })
    }

    #[cold]
    #[inline(never)]
    fn misused(self, given: usize, place: &'static Location<'static>) -> T {
        store::report_misuse(|| self.wrong_number(given, place));
        metric::dead(self.site)
    }

    fn wrong_number(self, given: usize, place: &'static Location<'static>) -> String {
        let (name, labels) = (self.name(), self.labels().len());
        let value = if given == 1 { "value" } else { "values" };
        format!(
            "`{name}` has {labels} labels, and was given {given} {value} at {}:{}",
            place.file(),
            place.line()
        )
    }
}

// By hand: a derive would require the same of `T`.
impl<T> Clone for Family<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Family<T> {}

impl<T> fmt::Debug for Family<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spec::Metric(d) = self.site.spec() else { return Ok(()) };
        let labels: Vec<&str> = d.labels.iter().map(Label::name).collect();
        f.debug_struct("Family").field("name", &d.name).field("labels", &labels).finish()
    }
}
