//! Writes a snapshot in a format.

use std::io::{self, Write};

use crate::model::Snapshot;

use super::format::{Format, Rendering};

impl Snapshot {
    /// Returns the page in the Prometheus text format, version 0.0.4.
    pub fn to_text(&self) -> String {
        let (page, _) = Rendering::text(self).whole();
        String::from_utf8(page).unwrap_or_default()
    }

    /// Writes the page in a format, in pieces: it is never in memory as a whole.
    ///
    /// Names that are not Prometheus names of old are escaped by underscores; version 1.0.0 of the
    /// text format and JSON have them as they are. [`render`](Self::render) knows other schemes.
    ///
    /// * In `OpenMetrics` a counter whose name lacks `_total` and an info whose name lacks `_info`
    ///   get these suffixes. A family that cannot have its own type there (its names would be those
    ///   of another family, or a total is negative) has the type `unknown`, or is a gauge if it is
    ///   no total. There are no lines `_created`: see [`Scrape::created`](crate::Scrape::created).
    /// * In JSON the page is one object. `families` is a list of objects with `name`, `type`,
    ///   `help`, `unit` (if there is one) and `series`. A series has `labels` (an object), `value`
    ///   or else `count`, `sum` and, for a histogram, `buckets` (a list of objects with `le` and
    ///   the cumulative `count`); and `created` in seconds since 1970, if that is known. Numbers
    ///   that are not finite are the texts `"NaN"`, `"+Inf"` and `"-Inf"`. `skipped` is a list of
    ///   objects with `reason`, `path` (if there is one) and `message`. Later versions may add
    ///   members.
    ///
    /// # Errors
    ///
    /// Returns the errors of `out`. Whatever was written before the error stays written.
    ///
    /// # Examples
    ///
    /// ```
    /// use headcount::{Collector, Counter, Format, metric};
    ///
    /// /// Bytes read.
    /// #[metric(name = "read_bytes_total", unit = "bytes")]
    /// static READ: Counter;
    ///
    /// READ.inc_by(3);
    /// let mut page = Vec::new();
    /// let snapshot = Collector::new().names(["read_bytes_total"]).collect()?;
    /// snapshot.encode(Format::OpenMetrics, &mut page)?;
    /// let page = String::from_utf8_lossy(&page);
    /// assert!(page.starts_with("# TYPE read_bytes counter\n# UNIT read_bytes bytes\n"));
    /// assert!(page.ends_with("read_bytes_total 3\n# EOF\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        let rendering = Rendering::of(format);
        rendering.written(self, Vec::new()).write_to(out).map(drop)
    }

    /// Writes the page in the text format, and returns the families that it lacks.
    pub(crate) fn encode_text(&self, out: &mut dyn Write) -> io::Result<Vec<String>> {
        Rendering::text(self).write_to(out)
    }
}

#[cfg(test)]
impl Format {
    /// The page of these families, with created times.
    pub(crate) fn page(self, families: &[crate::model::MetricFamily]) -> String {
        let snapshot = Snapshot { families: families.to_vec(), skipped: Vec::new() };
        let rendering = Rendering { created: true, ..Rendering::of(self) };
        String::from_utf8(rendering.written(&snapshot, Vec::new()).whole().0).unwrap()
    }
}
