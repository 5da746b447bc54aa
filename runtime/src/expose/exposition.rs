//! Formats, and the exposition that answers a scraper.

use std::io::{self, Write};

use crate::model::{MetricFamily, Snapshot};

use super::page::Page;
use super::{negotiate, openmetrics, text};

impl Snapshot {
    /// The Prometheus text format, version 0.0.4.
    pub fn to_text(&self) -> String {
        Format::Text.page(&self.families)
    }

    /// Returns the page in `OpenMetrics` 1.0, as text. Unlike the text format, it has units, types
    /// for infos and state sets, and the time since when each series is counted.
    ///
    /// The samples have the same names and values as in the text format, except that a counter
    /// whose name lacks `_total` and an info whose name lacks `_info` get these suffixes. Some
    /// families cannot have their own type in `OpenMetrics`: their names would be those of another
    /// family, or a total is negative. Such a family is shown with the type `unknown`, or as a
    /// gauge if it is not a total.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Counter, metric};
    ///
    /// /// Bytes read.
    /// #[metric(name = "read_bytes_total", unit = "bytes")]
    /// static READ: Counter;
    ///
    /// READ.inc_by(3);
    /// let page = Collector::new().collect()?.to_openmetrics();
    /// assert!(page.contains(
    ///     "# TYPE read_bytes counter\n# UNIT read_bytes bytes\n# HELP read_bytes Bytes read.\nread_bytes_total 3\n"
    /// ));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn to_openmetrics(&self) -> String {
        Format::OpenMetrics.page(&self.families)
    }

    /// Writes the page in a format, in pieces: it is never in memory as a whole.
    ///
    /// # Errors
    ///
    /// Returns the errors of `out`. Whatever was written before the error stays written.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Format};
    ///
    /// let snapshot = Collector::new().collect()?;
    /// let mut page = Vec::new();
    /// snapshot.encode(Format::OpenMetrics, &mut page)?;
    /// assert!(page.ends_with(b"# EOF\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        format.encode(&self.families, out)
    }

    /// Renders the exposition in the format that the client asks for in its header `Accept`:
    /// `OpenMetrics` 1.0 if the header names it and prefers nothing else, otherwise the text
    /// format, which every client accepts.
    ///
    /// # Examples
    ///
    /// ```
    /// let snapshot = headcount::Collector::new().collect()?;
    /// let page = snapshot.render("application/openmetrics-text;q=0.5,text/plain;q=0.3");
    /// assert_eq!(page.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn render(&self, accept: &str) -> Exposition {
        negotiated(&self.families, accept)
    }
}

/// A format of an exposition: see [`Snapshot::encode`](crate::Snapshot::encode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Text,
    /// `OpenMetrics` 1.0 as text.
    OpenMetrics,
}

impl Format {
    /// What a client asks for by name: type, subtype and version.
    pub(super) fn media_type(self) -> [&'static str; 3] {
        match self {
            Self::Text => ["text", "plain", "0.0.4"],
            Self::OpenMetrics => ["application", "openmetrics-text", "1.0.0"],
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    fn write(self, page: &mut Page<'_>, families: &[MetricFamily]) {
        match self {
            Self::Text => text::write(page, families),
            Self::OpenMetrics => openmetrics::write(page, families),
        }
    }

    /// The whole page, in memory.
    pub(crate) fn page(self, families: &[MetricFamily]) -> String {
        let mut page = Page::default();
        self.write(&mut page, families);
        page.out
    }

    /// Writes the page in pieces.
    pub(crate) fn encode(self, families: &[MetricFamily], out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::into_pieces(out);
        self.write(&mut page, families);
        page.finish()
    }
}

/// An exposition: the content type and the body of the answer to a scraper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    content_type: &'static str,
    body: Vec<u8>,
}

impl Exposition {
    /// The value of the header `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The bytes of the page. They are UTF-8.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The bytes of the page, owned.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

impl AsRef<[u8]> for Exposition {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Renders in the format that the client prefers.
pub(crate) fn negotiated(families: &[MetricFamily], accept: &str) -> Exposition {
    let format = negotiate::preferred(accept);
    Exposition { content_type: format.content_type(), body: format.page(families).into_bytes() }
}
