//! What a client asks for.

use std::borrow::Cow;

/// A client's request for a page, as far as it determines the page: the method, the headers
/// `Accept` and `Accept-Encoding`, and the names of families in the query.
///
/// [`render`](crate::render) takes one, or what can be made into one: the value of the header
/// `Accept`, or with the feature `http` a reference to an `http::Request`, to its `Parts` or to a
/// `HeaderMap`.
///
/// # Examples
///
/// ```
/// use headcount::{Collector, Counter, Scrape, metric};
///
/// /// Cards sent.
/// #[metric(name = "cards_total")]
/// static CARDS: Counter;
///
/// /// Gifts sent.
/// #[metric(name = "gifts_total")]
/// static GIFTS: Counter;
///
/// CARDS.inc();
/// let page = headcount::render(Scrape::new().accept("text/plain").query("name[]=cards_total"))?;
/// let text = String::from_utf8_lossy(page.body());
/// assert!(text.ends_with("# TYPE cards_total counter\ncards_total 1\n"));
/// assert!(!text.contains("gifts_total"));
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it is what `render` takes"]
pub struct Scrape<'a> {
    method: Option<Cow<'a, str>>,
    accept: Cow<'a, str>,
    accept_encoding: Cow<'a, str>,
    names: Vec<String>,
    created: bool,
    has_points: bool,
}

impl<'a> Scrape<'a> {
    /// Creates the request of a client that sends no headers: all families, in the text format.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of the header `Accept`. If a request has several such headers, join their
    /// values with commas. [`Snapshot::render`](crate::Snapshot::render) describes how the format
    /// is chosen.
    pub fn accept(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.accept = value.into();
        self
    }

    /// Sets the value of the header `Accept-Encoding`. It makes a difference with the feature
    /// `gzip`.
    pub fn accept_encoding(mut self, value: impl Into<Cow<'a, str>>) -> Self {
        self.accept_encoding = value.into();
        self
    }

    /// Asks for these families only: see [`Collector::names`](crate::Collector::names). Without a
    /// name, all families are shown.
    pub fn names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Asks for the families that the query of a URL names, as other Prometheus clients understand
    /// it: `name[]=cards_total&name[]=gifts_total`. Other parameters are ignored.
    pub fn query(self, query: &str) -> Self {
        let names = query.split('&').filter_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            (decoded(name) == "name[]").then(|| decoded(value))
        });
        let names: Vec<String> = names.collect();
        self.names(names)
    }

    /// Sets the method. The default is `GET`. Any method but `GET` and `HEAD` gets an exposition
    /// with status 405, for which nothing is collected. The answer to `HEAD` has a body, from which
    /// the framework takes the length, and which it does not send.
    pub fn method(mut self, method: impl Into<Cow<'a, str>>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Whether a page in `OpenMetrics` has lines `_created`: the time since when each series is
    /// counted. The default is `false`, since Prometheus stores them as series of their own unless
    /// it runs with `created-timestamp-zero-ingestion`. Protobuf and JSON always have these times,
    /// the text format never.
    pub fn created(mut self, is_shown: bool) -> Self {
        self.created = is_shown;
        self
    }

    /// Sets whether whole values have a decimal point in the text formats, and large ones an
    /// exponent (`5.0`, `1e+06`), as Python's `prometheus_client` writes them. The default is
    /// `false`. It makes no difference to Prometheus; it is for programs and tests that compare
    /// lines.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Counter, Scrape, metric};
    ///
    /// /// Stamps sold.
    /// #[metric(name = "stamps_total")]
    /// static STAMPS: Counter;
    ///
    /// STAMPS.inc_by(5);
    /// let page = headcount::render(Scrape::new().names(["stamps"]).decimal_points(true))?;
    /// assert!(page.body().ends_with(b"\nstamps_total 5.0\n"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn decimal_points(mut self, are_shown: bool) -> Self {
        self.has_points = are_shown;
        self
    }

    pub(crate) fn is_allowed(&self) -> bool {
        self.method.as_deref().is_none_or(|method| matches!(method, "GET" | "HEAD"))
    }

    /// The names that were asked for.
    pub(crate) fn wanted(&self) -> &[String] {
        &self.names
    }

    pub(super) fn accepted(&self) -> &str {
        &self.accept
    }

    /// Whether the client takes a body that is compressed by gzip.
    #[cfg(feature = "gzip")]
    pub(crate) fn takes_gzip(&self) -> bool {
        super::negotiate::takes_gzip(&self.accept_encoding)
    }

    pub(super) fn shows_created(&self) -> bool {
        self.created
    }

    pub(super) fn has_points(&self) -> bool {
        self.has_points
    }
}

/// The value of the header `Accept`.
impl<'a> From<&'a str> for Scrape<'a> {
    fn from(accept: &'a str) -> Self {
        Self::new().accept(accept)
    }
}

/// The value of the header `Accept`.
impl<'a> From<&'a String> for Scrape<'a> {
    fn from(accept: &'a String) -> Self {
        Self::new().accept(accept.as_str())
    }
}

/// Undoes the encoding of a query: `%5B` is a bracket, and a plus sign a space.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter().copied();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let mut digit = || char::from(ahead.next()?).to_digit(16);
        let code = if byte == b'%' { digit().zip(digit()) } else { None };
        match (byte, code) {
            (_, Some((high, low))) => {
                bytes.extend(u8::try_from(high << 4 | low));
                rest = ahead;
            }
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_a_query() {
        for (query, expected) in [
            ("", &[][..]),
            ("name[]=a&x=1&name[]=b_total", &["a", "b_total"]),
            ("name%5B%5D=a.b%2fc&name%5b%5d=%C3%A9+e", &["a.b/c", "é e"]),
            ("name=a&names[]=b&name[]", &[]),
            ("name[]=%zz%2&name[]=100%", &["%zz%2", "100%"]),
            ("name[]=%ff", &["\u{fffd}"]),
        ] {
            assert_eq!(Scrape::new().query(query).names, expected, "{query}");
        }
    }

    #[test]
    fn two_methods_are_allowed() {
        assert!(Scrape::new().is_allowed());
        for (method, is_allowed) in [("GET", true), ("HEAD", true), ("POST", false), ("", false)] {
            assert_eq!(Scrape::new().method(method).is_allowed(), is_allowed, "{method}");
        }
    }
}
