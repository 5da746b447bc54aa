//! Collects and renders in one call, for any web framework.

use std::sync::Arc;

use crate::error::Error;
use crate::expose::{Exposition, Pieces, Scrape};
use crate::model::Snapshot;

use super::Collector;

impl Collector {
    /// Collects, and renders the answer to a client: [`render`] with a collector of one's own.
    ///
    /// If the client asks for some families only, the others are not merged.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`collect`](Self::collect).
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Scrape};
    ///
    /// let collector = Collector::new().label("region", "eu");
    /// let page = collector.render(Scrape::new().names(["headcount_shared"]))?;
    /// assert!(String::from_utf8_lossy(page.body()).contains("headcount_shared{region=\"eu\"} "));
    /// # Ok::<(), headcount::Error>(())
    /// ```
    pub fn render<'a>(&self, scrape: impl Into<Scrape<'a>>) -> Result<Exposition, Error> {
        let scrape = scrape.into();
        if !scrape.is_allowed() {
            return Ok(Exposition::method_not_allowed());
        }
        Ok(self.collect_for(&scrape)?.render(scrape))
    }

    /// Does the same as [`render`](Self::render), but writes each piece of the body when it is
    /// read: [`Snapshot::render_in_pieces`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`collect`](Self::collect).
    pub fn render_in_pieces<'a>(
        &self,
        scrape: impl Into<Scrape<'a>>,
    ) -> Result<Exposition<Pieces>, Error> {
        let scrape = scrape.into();
        if !scrape.is_allowed() {
            return Ok(Exposition::method_not_allowed().into());
        }
        Ok(Arc::new(self.collect_for(&scrape)?).render_in_pieces(scrape))
    }

    fn collect_for(&self, scrape: &Scrape<'_>) -> Result<Snapshot, Error> {
        // With names of its own it collects these, of which the page has those that are asked for.
        if self.has_names() || scrape.wanted().is_empty() {
            self.collect()
        } else {
            self.clone().names(scrape.wanted()).collect()
        }
    }
}

/// Collects the metrics of all processes in this process's directory, and renders them in the
/// format that the client prefers: one call for any web framework.
///
/// The process caches between calls what does not change; see [`Collector`](crate::Collector).
///
/// `scrape` is what the client asks for: a [`Scrape`], the value of the request's header `Accept`
/// (an empty string if there is none), or with the feature `http` a reference to an
/// `http::Request`. [`Snapshot::render`](crate::Snapshot::render) describes how the format is
/// chosen. If the client asks for some families only, the others are not merged.
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
pub fn render<'a>(scrape: impl Into<Scrape<'a>>) -> Result<Exposition, Error> {
    Collector::new().render(scrape)
}

/// Does the same as [`render`](crate::render), but writes each piece of the body when it is read: a
/// long page is never in memory as a whole.
///
/// Meant for servers whose pages are long. With the feature `http` the result converts into an
/// `http::Response` whose body is [`Pieces`](crate::Pieces). The snapshot stays until the body ends
/// or is dropped, so bound the time that a client may take.
///
/// # Errors
///
/// Returns the errors of [`Collector::collect`](crate::Collector::collect).
///
/// # Examples
///
/// ```
/// let page = headcount::render_in_pieces("application/openmetrics-text")?;
/// assert_eq!(page.status(), 200);
/// let last = page.into_body().into_iter().last().unwrap_or_default();
/// assert!(last.ends_with(b"# EOF\n"));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn render_in_pieces<'a>(scrape: impl Into<Scrape<'a>>) -> Result<Exposition<Pieces>, Error> {
    Collector::new().render_in_pieces(scrape)
}
