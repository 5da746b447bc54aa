//! The formats of a page: the table of what is true of each, and how each is written.

use core::ops::Deref;

use crate::model::table::table;
use crate::model::{MetricFamily, Snapshot};

use super::escaping::{Escaping, named};
use super::negotiate::Rank;
use super::page::Page;
use super::pieces::{Outlet, Written};
use super::{Scrape, json, negotiate, openmetrics, protobuf, text};

/// A format of an exposition: see [`Snapshot::encode`](crate::Snapshot::encode).
///
/// ```
/// use headcount::{Collector, Counter, Format, metric};
///
/// /// Letters sent.
/// #[metric(name = "format_letters_total")]
/// static LETTERS: Counter;
///
/// LETTERS.inc();
/// let snapshot = Collector::new().names(["format_letters_total"]).collect()?;
/// let page = |format| -> std::io::Result<String> {
///     let mut page = Vec::new();
///     snapshot.encode(format, &mut page)?;
///     Ok(String::from_utf8_lossy(&page).into_owned())
/// };
/// assert!(page(Format::Text)?.contains("\nformat_letters_total 1\n"));
/// assert!(page(Format::OpenMetrics)?.ends_with("# EOF\n"));
/// assert!(page(Format::Json)?.contains("\"name\":\"format_letters_total\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format, version 0.0.4.
    Text,
    /// The Prometheus text format, version 1.0.0: as 0.0.4, but a name may be any text.
    Text1,
    /// `OpenMetrics` 1.0 as text.
    OpenMetrics,
    /// Prometheus' protobuf: messages `io.prometheus.client.MetricFamily`, each preceded by its
    /// length.
    Protobuf,
    /// JSON, for tools. Unlike the others it also contains what the collection left out. The
    /// documentation of [`Snapshot::encode`](crate::Snapshot::encode) describes it.
    Json,
}

/// Whether a client may name a scheme for names that are not Prometheus names of old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// The format has one scheme.
    Fixed,
    /// On the element of the header `Accept` that names the format.
    OnTheElement,
    /// On any element. Prometheus 3 puts no scheme on the element for protobuf, but on the others.
    /// The default would lose names exactly for those who ask for native histograms.
    Anywhere,
}

/// The values of `Content-Type`: without a scheme, and with each.
struct ContentTypes {
    plain: &'static str,
    allow_utf8: &'static str,
    underscores: &'static str,
    dots: &'static str,
    values: &'static str,
}

impl ContentTypes {
    const fn one(plain: &'static str) -> Self {
        Self { plain, allow_utf8: plain, underscores: plain, dots: plain, values: plain }
    }
}

macro_rules! content_types {
    ($base:literal) => {
        ContentTypes {
            plain: $base,
            allow_utf8: concat!($base, "; escaping=allow-utf-8"),
            underscores: concat!($base, "; escaping=underscores"),
            dots: concat!($base, "; escaping=dots"),
            values: concat!($base, "; escaping=values"),
        }
    };
}

/// What is true of a format.
struct Row {
    /// What a client asks for by name: type, subtype and version.
    media_type: [&'static str; 3],
    content_types: ContentTypes,
    /// How specific a client must be to get it.
    least: Rank,
    /// What happens to names that are not Prometheus names of old, unless the client names a
    /// scheme. `OpenMetrics` and protobuf can have them, but a reader that does not expect them
    /// rejects the whole page, as Prometheus 2 does.
    escaping: Escaping,
    scheme: Scheme,
}

table! {
    Format, Row:
    Text = Row {
        media_type: ["text", "plain", "0.0.4"],
        content_types: ContentTypes::one("text/plain; version=0.0.4; charset=utf-8"),
        least: Rank::Anything,
        escaping: Escaping::Underscores,
        scheme: Scheme::Fixed,
    };
    Text1 = Row {
        media_type: ["text", "plain", "1.0.0"],
        // A scheme is always given.
        content_types: ContentTypes {
            plain: "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            ..content_types!("text/plain; version=1.0.0; charset=utf-8")
        },
        least: Rank::Exact,
        // The version exists for such names.
        escaping: Escaping::AllowUtf8,
        scheme: Scheme::OnTheElement,
    };
    OpenMetrics = Row {
        media_type: ["application", "openmetrics-text", "1.0.0"],
        content_types: content_types!(
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        ),
        least: Rank::Named,
        escaping: Escaping::Underscores,
        scheme: Scheme::OnTheElement,
    };
    Protobuf = Row {
        media_type: ["application", "vnd.google.protobuf", ""],
        content_types: content_types!(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
        ),
        least: Rank::Exact,
        escaping: Escaping::Underscores,
        scheme: Scheme::Anywhere,
    };
    Json = Row {
        media_type: ["application", "json", ""],
        content_types: ContentTypes::one("application/json"),
        least: Rank::Named,
        escaping: Escaping::AllowUtf8,
        scheme: Scheme::Fixed,
    };
}

impl Format {
    /// What a client asks for by name: type, subtype and version.
    pub(super) fn media_type(self) -> [&'static str; 3] {
        self.row().media_type
    }

    /// How specific a client must be to get it.
    pub(super) fn least(self) -> Rank {
        self.row().least
    }

    pub(super) fn scheme(self) -> Scheme {
        self.row().scheme
    }

    /// The value of the header `Content-Type`. `escaping` is the scheme that the client named.
    fn content_type(self, escaping: Option<Escaping>) -> &'static str {
        let content_types = self.row().content_types;
        match escaping {
            None => content_types.plain,
            Some(Escaping::AllowUtf8) => content_types.allow_utf8,
            Some(Escaping::Underscores) => content_types.underscores,
            Some(Escaping::Dots) => content_types.dots,
            Some(Escaping::Values) => content_types.values,
        }
    }
}

/// How a page is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rendering {
    pub(super) format: Format,
    /// The scheme that the client named.
    pub(super) escaping: Option<Escaping>,
    /// Whether `OpenMetrics` has lines `_created`.
    pub(super) created: bool,
    /// Whether whole values have a decimal point.
    pub(super) has_points: bool,
}

impl Rendering {
    /// In this format, and in all else by the defaults.
    pub(super) const fn of(format: Format) -> Self {
        Self { format, escaping: None, created: false, has_points: false }
    }

    /// As the client wants it.
    pub(super) fn wanted(scrape: &Scrape<'_>) -> Self {
        let (format, escaping) = negotiate::preferred(scrape.accepted());
        let (created, has_points) = (scrape.shows_created(), scrape.has_points());
        Self { format, escaping, created, has_points }
    }

    pub(super) fn content_type(self) -> &'static str {
        self.format.content_type(self.escaping)
    }

    /// The page of these families, which is written when it is read. `snapshot` is what is kept
    /// meanwhile: the snapshot, or a reference to it.
    pub(super) fn written<'a>(
        self,
        snapshot: impl Deref<Target = Snapshot> + Send + Sync + 'a,
        names: Vec<String>,
    ) -> Written<'a> {
        Written::by(|outlet| self.write(snapshot, names, outlet))
    }

    /// The page of all families as text. It is a writer of its own: a program that writes nothing
    /// else has no other format's.
    pub(super) fn text(snapshot: &Snapshot) -> Written<'_> {
        let rendering = Self::of(Format::Text);
        Written::by(|outlet| async move {
            let (mut page, escaping) = rendering.page(&outlet);
            let mut left_out = Vec::new();
            let families = named(snapshot.families().iter(), escaping, &mut left_out);
            outlet.leave_out(left_out);
            text::write(&mut page, &families).await;
            page.end();
        })
    }

    fn page(self, outlet: &Outlet) -> (Page, Escaping) {
        let escaping = self.escaping.unwrap_or(self.format.row().escaping);
        (Page::new(outlet.clone(), escaping, self.has_points), escaping)
    }

    async fn write(
        self,
        snapshot: impl Deref<Target = Snapshot>,
        names: Vec<String>,
        outlet: Outlet,
    ) {
        let is_wanted = |family: &&MetricFamily| names.is_empty() || family.is_named(&names);
        let families = snapshot.families().iter().filter(is_wanted);
        let mut left_out = Vec::new();
        let (mut page, escaping) = self.page(&outlet);
        if self.format == Format::Json {
            let families: Vec<&MetricFamily> = families.collect();
            json::write(&mut page, &families, &snapshot).await;
            return page.end();
        }
        let families = named(families, escaping, &mut left_out);
        outlet.leave_out(left_out);
        match self.format {
            Format::Text | Format::Text1 => text::write(&mut page, &families).await,
            Format::OpenMetrics => openmetrics::write(&mut page, &families, self.created).await,
            Format::Protobuf => return protobuf::write(&families, escaping, &outlet).await,
            Format::Json => {}
        }
        page.end();
    }
}
