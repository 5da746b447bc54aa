//! Collects and renders in one call, for any web framework.

use crate::expose::{Exposition, Scrape};

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
pub fn render<'a>(scrape: impl Into<Scrape<'a>>) -> Result<Exposition, crate::Error> {
    let scrape = scrape.into();
    if !scrape.is_allowed() {
        return Ok(Exposition::method_not_allowed());
    }
    let collector = crate::Collector::new().names(scrape.wanted());
    Ok(collector.collect()?.render(scrape))
}
