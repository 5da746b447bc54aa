//! The answer to a scraper.

use std::sync::Arc;

use super::Scrape;
use super::format::Rendering;
#[cfg(feature = "gzip")]
use super::pieces;
use super::pieces::Pieces;
use crate::model::Snapshot;

/// Why [`Exposition::left_out`] has a family, as the end of a sentence.
pub(crate) const SAME_NAMES: &str = "escaping makes its names those of others";

impl Snapshot {
    /// Renders the answer to a client: the format that it asks for in its header `Accept`,
    /// compressed if it takes that (with the feature `gzip`), with the families that it asks for.
    ///
    /// The format that the client prefers wins; of several that it likes equally well, the first in
    /// the header. `OpenMetrics`, version 1.0.0 of the text format, protobuf and JSON are for
    /// clients that ask for them by name. Every other client gets version 0.0.4 of the text format,
    /// also if the header is missing or invalid.
    ///
    /// Names that are not Prometheus names of old (`http.requests`) are escaped as the client asks
    /// for: `escaping=allow-utf-8`, `underscores`, `dots` or `values`. Without that they are
    /// escaped by underscores. Version 0.0.4 of the text format knows nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// let snapshot = headcount::Collector::new().collect()?;
    /// let page = snapshot.render("application/openmetrics-text;q=0.5,text/plain;q=0.3");
    /// assert!(page.content_type().starts_with("application/openmetrics-text; version=1.0.0;"));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn render<'a>(&self, scrape: impl Into<Scrape<'a>>) -> Exposition {
        let scrape = scrape.into();
        if !scrape.is_allowed() {
            return Exposition::method_not_allowed();
        }
        let rendering = Rendering::wanted(&scrape);
        let mut exposition = Exposition::plain(200, rendering.content_type());
        let written = rendering.written(self, scrape.wanted().to_vec());
        #[cfg(feature = "gzip")]
        if scrape.takes_gzip() {
            let mut packed = pieces::packer(Vec::new());
            // Writing to memory does not fail.
            exposition.left_out = written.write_to(&mut packed).unwrap_or_default();
            exposition.body = packed.finish().unwrap_or_default();
            exposition.is_packed = true;
            return exposition;
        }
        (exposition.body, exposition.left_out) = written.whole();
        exposition
    }

    /// Does the same as [`render`](Self::render), but writes each piece of the body when it is
    /// read: a long page is never in memory as a whole.
    ///
    /// The snapshot stays until the body ends or is dropped. A client that reads slowly holds it
    /// for as long as the server allows, so bound that time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let snapshot = Arc::new(headcount::Collector::new().collect()?);
    /// let page = Arc::clone(&snapshot).render_in_pieces("text/plain");
    /// let bytes: Vec<u8> = page.into_body().into_iter().flatten().collect();
    /// assert_eq!(bytes, snapshot.render("text/plain").into_body());
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn render_in_pieces<'a>(
        self: Arc<Self>,
        scrape: impl Into<Scrape<'a>>,
    ) -> Exposition<Pieces> {
        let scrape = scrape.into();
        if !scrape.is_allowed() {
            return Exposition::method_not_allowed().into();
        }
        let rendering = Rendering::wanted(&scrape);
        let written = rendering.written(self, scrape.wanted().to_vec());
        #[cfg(feature = "gzip")]
        let is_packed = scrape.takes_gzip();
        #[cfg(feature = "gzip")]
        let (body, left_out) =
            if is_packed { Pieces::packed(written) } else { Pieces::of(written) };
        #[cfg(not(feature = "gzip"))]
        let (is_packed, (body, left_out)) = (false, Pieces::of(written));
        let content_type = rendering.content_type();
        Exposition { status: 200, content_type, is_packed, left_out, body }
    }
}

/// An exposition: the status, the headers and the body of the answer to a scraper. The body is
/// bytes, or [`Pieces`] that are written when they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is the answer to a client"]
pub struct Exposition<B = Vec<u8>> {
    status: u16,
    content_type: &'static str,
    is_packed: bool,
    left_out: Vec<String>,
    body: B,
}

impl Exposition {
    fn plain(status: u16, content_type: &'static str) -> Self {
        Self { status, content_type, is_packed: false, left_out: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn message(status: u16, text: &str) -> Self {
        let mut exposition = Self::plain(status, "text/plain; charset=utf-8");
        exposition.body = format!("{text}\n").into_bytes();
        exposition
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::message(405, "only GET and HEAD are allowed")
    }

    #[cfg(feature = "serve")]
    pub(crate) fn not_found() -> Self {
        Self::message(404, "there is nothing at this path")
    }

    /// Returns the answer for when the collection failed: status 503, and the reason as text.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Exposition};
    ///
    /// let page = match Collector::from_directory("/no/such/directory").collect() {
    ///     Ok(snapshot) => snapshot.render("text/plain"),
    ///     Err(error) => Exposition::unavailable(&error),
    /// };
    /// assert_eq!(page.status(), 503);
    /// assert!(page.body().starts_with(b"/no/such/directory: can't open the directory: "));
    /// ```
    pub fn unavailable(error: &(impl core::fmt::Display + ?Sized)) -> Self {
        Self::message(503, &error.to_string())
    }
}

impl<B> Exposition<B> {
    /// Returns the status: 200; 405 if the method was neither `GET` nor `HEAD`; 503 for
    /// [`unavailable`](Exposition::unavailable).
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the names and values of the headers. The names are in lower case. The length is not
    /// among them, since the framework knows it.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<B> {
        let mut headers = vec![("content-type", self.content_type)];
        if self.status == 200 {
            headers.push(("vary", "Accept, Accept-Encoding"));
        }
        if self.is_packed {
            headers.push(("content-encoding", "gzip"));
        }
        if self.status == 405 {
            headers.push(("allow", "GET, HEAD"));
        }
        headers.into_iter()
    }

    /// Returns the value of the header `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Returns the families that the page lacks because escaping made their names, or those of two
    /// of their labels, equal to others. Clients that take any text as a name see them.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Returns the body: the bytes of the page, or the pieces.
    pub fn into_body(self) -> B {
        self.body
    }
}

impl<B: AsRef<[u8]>> Exposition<B> {
    /// Returns the bytes of the page.
    pub fn body(&self) -> &[u8] {
        self.body.as_ref()
    }
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Exposition<B> {
    fn as_ref(&self) -> &[u8] {
        self.body.as_ref()
    }
}

/// The same, as one piece.
impl From<Exposition> for Exposition<Pieces> {
    fn from(exposition: Exposition) -> Self {
        let Exposition { status, content_type, is_packed, left_out, body } = exposition;
        Self { status, content_type, is_packed, left_out, body: body.into() }
    }
}
