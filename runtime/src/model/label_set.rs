//! The labels of series in a snapshot.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::FusedIterator;
use core::slice::ChunksExact;
use std::sync::Arc;

use super::cold_sort;
use super::sorted::SortedMap;

/// The labels of one series, sorted by name. Labels with empty values are left out, since
/// Prometheus treats an empty label as an absent one.
///
/// A label set is cheap to clone. Its text is shared with other series of the family, and with
/// other snapshots of the collector.
///
/// # Examples
///
/// ```
/// use headcount::{Collector, Counter, LabelSet, metric};
///
/// /// Letters sent.
/// #[metric(name = "letters_total")]
/// fn letters(town: &str, kind: &str) -> Counter;
///
/// letters("Rome", "registered").inc();
///
/// let snapshot = Collector::new().collect()?;
/// let family = snapshot.families().iter().find(|family| family.name == "letters_total").unwrap();
/// let labels = &family.series[0].labels;
/// assert_eq!(labels.get("town"), Some("Rome"));
/// assert_eq!(labels.get("country"), None);
/// assert!(labels.iter().eq([("kind", "registered"), ("town", "Rome")]));
/// for (name, value) in labels {
///     assert_eq!(labels.get(name), Some(value));
/// }
/// assert_eq!(*labels, LabelSet::from_iter([("town", "Rome"), ("kind", "registered")]));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Clone)]
pub struct LabelSet {
    shared: Arc<Shared>,
    /// The position among the shared sets.
    number: usize,
}

/// The label sets of many series. Sets that are read one after the other are adjacent.
#[derive(Debug, Default)]
struct Shared {
    /// Names and values.
    text: String,
    /// The end of each of them in the text.
    ends: Vec<usize>,
    /// The end of each set's part of `ends`.
    sets: Vec<usize>,
    /// Whether a set has other names than the first one.
    has_other_names: bool,
}

/// The maximum number of bytes that share one allocation, so that a set which somebody keeps does
/// not hold on to the whole text of a large family.
const MOST: usize = 1 << 16;

impl LabelSet {
    /// Returns the value of a label, if the set has that label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Iterates over names and values, sorted by name.
    #[inline]
    pub fn iter(&self) -> LabelIter<'_> {
        self.shared.labels(self.number)
    }

    /// Returns the number of labels.
    #[inline]
    pub fn len(&self) -> usize {
        self.shared.ends(self.number).1.len() / 2
    }

    /// Returns whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has the same names. Sets that share their text are not looked at one by one.
    #[inline]
    pub(crate) fn has_names_of(&self, other: &Self) -> bool {
        let is_known = Arc::ptr_eq(&self.shared, &other.shared) && !self.shared.has_other_names;
        is_known || self.shared.names(self.number).eq(other.shared.names(other.number))
    }

    /// All names and values, concatenated.
    #[inline]
    fn text(&self) -> &str {
        let (from, ends) = self.shared.ends(self.number);
        &self.shared.text[from..ends.last().copied().unwrap_or(from)]
    }

    /// The bytes of all names and values, plus the number of labels.
    pub(crate) fn bytes_and_labels(&self) -> usize {
        self.text().len() + self.len()
    }

    /// The bytes that the set takes, including text that it shares with no other set.
    pub(crate) fn size(&self) -> usize {
        let (_, ends) = self.shared.ends(self.number);
        self.text().len() + size_of_val(ends) + size_of::<Self>() + size_of::<usize>()
    }
}

/// An iterator over the names and values of a [`LabelSet`], sorted by name: [`LabelSet::iter`].
///
/// ```
/// use headcount::LabelSet;
///
/// let labels = LabelSet::from_iter([("queue", "mail"), ("kind", "batch")]);
/// assert_eq!(labels.iter().len(), 2);
/// assert_eq!(labels.iter().next(), Some(("kind", "batch")));
/// ```
#[derive(Clone)]
pub struct LabelIter<'a> {
    text: &'a str,
    /// The start of the next name.
    from: usize,
    ends: ChunksExact<'a, usize>,
}

impl<'a> Iterator for LabelIter<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let ends = self.ends.next()?;
        let label = (&self.text[self.from..ends[0]], &self.text[ends[0]..ends[1]]);
        self.from = ends[1];
        Some(label)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ends.size_hint()
    }
}

impl ExactSizeIterator for LabelIter<'_> {}

impl FusedIterator for LabelIter<'_> {}

impl fmt::Debug for LabelIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> IntoIterator for &'a LabelSet {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelIter<'a>;

    #[inline]
    fn into_iter(self) -> LabelIter<'a> {
        self.iter()
    }
}

/// Names and values as they are, sorted by name.
impl IntoIterator for LabelSet {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        let owned = self.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.collect::<Vec<_>>().into_iter()
    }
}

/// Adds labels, in any order. Labels with empty values are left out, and a new value replaces that
/// of an existing label.
///
/// ```
/// use headcount::LabelSet;
///
/// let mut labels = LabelSet::from_iter([("town", "Rome"), ("kind", "new")]);
/// labels.extend([("kind", "registered"), ("empty", "")]);
/// assert_eq!(labels, LabelSet::from_iter([("kind", "registered"), ("town", "Rome")]));
/// assert_eq!(labels.into_iter().map(|(_, value)| value).collect::<String>(), "registeredRome");
/// ```
impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for LabelSet {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, labels: I) {
        let mut all: SortedMap<String, String> = self.clone().into_iter().collect();
        for (name, value) in labels {
            if !value.as_ref().is_empty() {
                all.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
            }
        }
        *self = all.into_iter().collect();
    }
}

impl Shared {
    /// The start of a set's text, and the ends of its names and values.
    #[inline]
    fn ends(&self, number: usize) -> (usize, &[usize]) {
        let first = number.checked_sub(1).map_or(0, |before| self.sets[before]);
        let from = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        (from, &self.ends[first..self.sets[number]])
    }

    #[inline]
    fn labels(&self, number: usize) -> LabelIter<'_> {
        let (from, ends) = self.ends(number);
        LabelIter { text: &self.text, from, ends: ends.chunks_exact(2) }
    }

    fn names(&self, number: usize) -> impl Iterator<Item = &str> {
        self.labels(number).map(|(name, _)| name)
    }
}

/// Builds many label sets that share their text.
#[derive(Debug, Default)]
pub(crate) struct LabelSets {
    shared: Shared,
    /// Complete allocations, to which nothing is added.
    done: Vec<Arc<Shared>>,
}

impl LabelSets {
    /// Adds the next set: sorted, and without empty values.
    pub(crate) fn push<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let shared = &mut self.shared;
        for (name, value) in labels {
            for text in [name, value] {
                shared.text.push_str(text);
                shared.ends.push(shared.text.len());
            }
        }
        shared.sets.push(shared.ends.len());
        let last = shared.sets.len() - 1;
        shared.has_other_names |= !shared.names(last).eq(shared.names(0));
        if shared.text.len() > MOST || shared.sets.len() > MOST {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let mut shared = core::mem::take(&mut self.shared);
        shared.text.shrink_to_fit();
        shared.ends.shrink_to_fit();
        shared.sets.shrink_to_fit();
        self.done.push(Arc::new(shared));
    }

    /// Returns the sets in the order in which they were pushed.
    pub(crate) fn into_sets(mut self) -> impl Iterator<Item = LabelSet> {
        self.finish();
        self.done.into_iter().flat_map(|shared| {
            let sets = 0..shared.sets.len();
            sets.map(move |number| LabelSet { shared: Arc::clone(&shared), number })
        })
    }
}

/// Collects labels in any order. Labels with empty values are left out.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for LabelSet {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let given: Vec<(N, V)> = labels.into_iter().collect();
        let mut labels: Vec<(&str, &str)> =
            given.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        labels.retain(|(_, value)| !value.is_empty());
        if !labels.is_sorted() {
            cold_sort::sort_by(&mut labels, Ord::cmp);
        }
        let mut sets = LabelSets::default();
        sets.push(labels);
        sets.finish();
        Self { shared: sets.done.swap_remove(0), number: 0 }
    }
}

impl Default for LabelSet {
    /// Creates a set without labels.
    fn default() -> Self {
        Self::from_iter::<[(&str, &str); 0]>([])
    }
}

impl PartialEq for LabelSet {
    fn eq(&self, other: &Self) -> bool {
        // The texts nearly always differ, and then nothing else has to be compared. So do their
        // last bytes, where series that follow each other are compared.
        let (text, of_other) = (self.text(), other.text());
        text.len() == of_other.len()
            && text.as_bytes().last() == of_other.as_bytes().last()
            && text == of_other
            && self.iter().eq(other.iter())
    }
}

impl Eq for LabelSet {}

impl PartialOrd for LabelSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LabelSet {
    /// Compares as lists of names and values.
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|label| label.hash(state));
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_that_share_their_text_are_those_that_were_pushed() {
        // More text than one allocation shares; sets without labels at the beginning, at the end
        // and in between; and very long names.
        let long = "é".repeat(MOST / 2);
        let all: Vec<Vec<(String, String)>> = (0..3_000)
            .map(|n| match n {
                0 | 7 | 8 | 2_999 => vec![],
                100 => vec![("long".to_owned(), long.clone())],
                _ => {
                    (0..n % 4).map(|label| (format!("l{label}"), format!("{n}.{label}"))).collect()
                }
            })
            .collect();
        let mut sets = LabelSets::default();
        for labels in &all {
            sets.push(labels.iter().map(|(name, value)| (&**name, &**value)));
        }
        let sets: Vec<LabelSet> = sets.into_sets().collect();
        assert_eq!(sets.len(), all.len());
        for (set, labels) in sets.iter().zip(&all) {
            let expected = labels.iter().map(|(name, value)| (&**name, &**value));
            assert!(set.iter().eq(expected.clone()), "{set:?}");
            assert_eq!(
                (set.iter().len(), set.iter().skip(1).count()),
                (labels.len(), labels.len().saturating_sub(1))
            );
            assert_eq!((set.len(), set.is_empty()), (labels.len(), labels.is_empty()));
            assert_eq!(*set, expected.collect());
        }
        let order = |a: usize, b: usize| (sets[a].cmp(&sets[b]), all[a].cmp(&all[b]));
        assert!((0..all.len() - 13).map(|a| order(a, a + 13)).all(|(is, should)| is == should));
    }

    #[test]
    fn labels_come_in_any_order_and_empty_values_are_none() {
        let set = LabelSet::from_iter([("b", "2"), ("empty", ""), ("a", "1")]);
        assert_eq!(format!("{set:?}"), r#"{"a": "1", "b": "2"}"#);
        let mut labels = set.iter();
        assert_eq!(
            (labels.next(), format!("{labels:?}")),
            (Some(("a", "1")), r#"[("b", "2")]"#.to_owned())
        );
        assert_eq!((set.get("b"), set.get("empty"), set.get("c")), (Some("2"), None, None));
        assert_eq!(LabelSet::default().len(), 0);
        assert!(LabelSet::default() < set);
    }
}
