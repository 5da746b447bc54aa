//! The formats of a page, and the value of `Content-Type` for each.

use super::escaping::Escaping;

/// A format of an exposition: see [`Snapshot::encode`](crate::Snapshot::encode).
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

/// The values that a format has for each escaping scheme, and the one without a scheme.
macro_rules! content_types {
    ($escaping:expr, $base:literal) => {
        match $escaping {
            None => $base,
            Some(Escaping::AllowUtf8) => concat!($base, "; escaping=allow-utf-8"),
            Some(Escaping::Underscores) => concat!($base, "; escaping=underscores"),
            Some(Escaping::Dots) => concat!($base, "; escaping=dots"),
            Some(Escaping::Values) => concat!($base, "; escaping=values"),
        }
    };
}

impl Format {
    /// All formats.
    pub(super) const ALL: [Self; 5] =
        [Self::Text, Self::Text1, Self::OpenMetrics, Self::Protobuf, Self::Json];

    /// What a client asks for by name: type, subtype and version.
    pub(super) fn media_type(self) -> [&'static str; 3] {
        match self {
            Self::Text => ["text", "plain", "0.0.4"],
            Self::Text1 => ["text", "plain", "1.0.0"],
            Self::OpenMetrics => ["application", "openmetrics-text", "1.0.0"],
            Self::Protobuf => ["application", "vnd.google.protobuf", ""],
            Self::Json => ["application", "json", ""],
        }
    }

    /// The value of the header `Content-Type`. `escaping` is the scheme that the client named.
    pub(super) fn content_type(self, escaping: Option<Escaping>) -> &'static str {
        match self {
            // It has one scheme only, and no parameter for it.
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::Text1 => content_types!(
                Some(escaping.unwrap_or(self.escaping())),
                "text/plain; version=1.0.0; charset=utf-8"
            ),
            Self::OpenMetrics => content_types!(
                escaping,
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            ),
            Self::Protobuf => content_types!(
                escaping,
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            ),
            Self::Json => "application/json",
        }
    }

    /// What happens to names that are not Prometheus names of old, unless the client names a
    /// scheme. Version 1.0.0 of the text format exists for such names. `OpenMetrics` and protobuf
    /// can have them, but a reader that does not expect them rejects the whole page, as Prometheus
    /// 2 does.
    pub(super) fn escaping(self) -> Escaping {
        match self {
            Self::Text1 | Self::Json => Escaping::AllowUtf8,
            Self::Text | Self::OpenMetrics | Self::Protobuf => Escaping::Underscores,
        }
    }
}
