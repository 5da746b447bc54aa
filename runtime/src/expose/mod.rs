//! Turns a snapshot into the bytes that a scraper gets. Everything but [`render`] is pure.

mod accept;
mod length;
mod number;
mod openmetrics;
mod sample;
mod text;

use std::io::{self, Write};

use crate::collect::{Family, FamilyKind};
use sample::Page;

pub(crate) use length::most_bytes;

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
    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    fn write(self, page: &mut Page<'_>, families: &[Family]) {
        match self {
            Self::Text => text::write(page, families),
            Self::OpenMetrics => openmetrics::write(page, families),
        }
    }

    /// The whole page, in memory.
    pub(crate) fn page(self, families: &[Family]) -> String {
        let mut page = Page::default();
        self.write(&mut page, families);
        page.out
    }

    /// Writes the page in pieces.
    pub(crate) fn encode(self, families: &[Family], out: &mut dyn Write) -> io::Result<()> {
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

/// Collects the metrics of all processes in this process's directory, and renders them in the
/// format that the client prefers: one call for any web framework.
///
/// The process caches between calls what does not change; see [`Collector`](crate::Collector).
///
/// `accept` is the value of the request's header `Accept`, or an empty string if there is none. If
/// the request has several such headers, join their values with commas.
/// [`Snapshot::render`](crate::Snapshot::render) describes how the format is chosen.
///
/// # Errors
///
/// Returns the errors of [`Collector::collect`](crate::Collector::collect).
///
/// # Examples
///
/// ```
/// // As Prometheus asks, and as a browser does.
/// let page = headcount::render("application/openmetrics-text;version=1.0.0,*/*;q=0.1")?;
/// assert_eq!(page.content_type(), "application/openmetrics-text; version=1.0.0; charset=utf-8");
/// assert!(page.body().ends_with(b"# EOF\n"));
///
/// let page = headcount::render("text/html,*/*;q=0.8")?;
/// assert_eq!(page.content_type(), "text/plain; version=0.0.4; charset=utf-8");
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn render(accept: &str) -> Result<Exposition, crate::Error> {
    Ok(crate::Collector::new().collect()?.render(accept))
}

/// Renders in the format that the client prefers.
pub(crate) fn negotiated(families: &[Family], accept: &str) -> Exposition {
    let is_open = accept::prefers_openmetrics(accept);
    let format = if is_open { Format::OpenMetrics } else { Format::Text };
    Exposition { content_type: format.content_type(), body: format.page(families).into_bytes() }
}

/// The names of a family's samples.
pub(crate) fn sample_names(family: &Family) -> Vec<String> {
    names_of_samples(&family.name, family.kind)
}

/// The names of the samples of a family with this name and type.
pub(crate) fn names_of_samples(name: &str, kind: FamilyKind) -> Vec<String> {
    match kind {
        FamilyKind::Counter | FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
            vec![name.to_owned()]
        }
        FamilyKind::Summary => ["", "_sum", "_count"].map(|s| format!("{name}{s}")).into(),
        // The bare name too: it belongs to the family, though no sample has it.
        FamilyKind::Histogram => {
            ["", "_bucket", "_sum", "_count"].map(|s| format!("{name}{s}")).into()
        }
    }
}
