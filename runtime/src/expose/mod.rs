//! Snapshots as the bytes a scraper gets. Pure.

mod text;

use crate::collect::{Family, FamilyKind};

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
/// `accept` is the request's header `Accept`, or nothing. So far every answer is in the text format 0.0.4, which every scraper
/// takes.
///
/// # Errors
///
/// Those of [`Collector::collect`](crate::Collector::collect).
///
/// # Examples
///
/// ```
/// let exposition = headcount::render("text/plain")?;
/// assert_eq!(exposition.content_type(), "text/plain; version=0.0.4; charset=utf-8");
/// assert!(exposition.body().starts_with(b"# HELP "));
/// # Ok::<(), headcount::Error>(())
/// ```
pub fn render(accept: &str) -> Result<Exposition, crate::Error> {
    let _ = accept;
    let snapshot = crate::Collector::new().collect()?;
    Ok(Exposition {
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        body: snapshot.to_text().into_bytes(),
    })
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
