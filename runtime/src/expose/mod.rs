//! Snapshots as the bytes a scraper gets. Pure.

mod accept;
mod number;
mod openmetrics;
mod sample;
mod text;

use crate::collect::{Family, FamilyKind};

pub(crate) use openmetrics::openmetrics;
pub(crate) use text::text;

/// An exposition: what to answer a scraper with.
#[derive(Debug, Clone)]
pub struct Exposition {
    content_type: &'static str,
    body: Vec<u8>,
}

impl Exposition {
    /// For the header `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The bytes, owned.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// Collects from the directory of this process and renders what a scraper asks for: one call for any web framework.
///
/// From one call to the next, this process remembers what doesn't change; see [`Collector`](crate::Collector).
///
/// `accept` is the request's header `Accept`, or nothing; several of them are joined by commas. [`Snapshot::render`](crate::Snapshot::render) says what comes of it.
///
/// # Errors
///
/// Those of [`Collector::collect`](crate::Collector::collect).
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

/// In the format that the client prefers.
pub(crate) fn negotiated(families: &[Family], accept: &str) -> Exposition {
    if accept::prefers_openmetrics(accept) {
        Exposition {
            content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
            body: openmetrics(families).into_bytes(),
        }
    } else {
        Exposition {
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            body: text(families).into_bytes(),
        }
    }
}

/// The names that a family's samples have.
pub(crate) fn sample_names(family: &Family) -> Vec<String> {
    names_of_samples(&family.name, family.kind)
}

/// The names that the samples of a family of this name and type have.
pub(crate) fn names_of_samples(name: &str, kind: FamilyKind) -> Vec<String> {
    match kind {
        FamilyKind::Counter | FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => {
            vec![name.to_owned()]
        }
        FamilyKind::Summary => ["", "_sum", "_count"].map(|s| format!("{name}{s}")).into(),
        // The bare name too: it is the family's, though no sample has it.
        FamilyKind::Histogram => {
            ["", "_bucket", "_sum", "_count"].map(|s| format!("{name}{s}")).into()
        }
    }
}
