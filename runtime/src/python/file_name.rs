//! The name of a file: `counter_PID.db`, `gauge_MODE_PID.db`, `histogram_PID.db`,
//! `summary_PID.db`.

use crate::directory::{ASIDE, PYTHON};
use crate::error::{Error, ErrorKind};
use crate::model::{GaugeMode, MetricType};

/// What a file's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    pub(super) kind: MetricType,
    /// Of a gauge.
    pub(super) mode: Option<GaugeMode>,
    /// What the program calls the process; by default its number.
    pub(super) pid: &'a str,
}

impl<'a> FileName<'a> {
    pub(super) fn parse(name: &'a str) -> Result<Self, Error> {
        let name = name.strip_suffix(ASIDE).unwrap_or(name);
        let reason = "not a name of a file of prometheus_client, such as `counter_17.db`";
        let wrong = || Error::new(ErrorKind::NotSegment { reason });
        let stem = name.strip_suffix(PYTHON).ok_or_else(wrong)?;
        let (kind, rest) = stem.split_once('_').ok_or_else(wrong)?;
        let (kind, mode, pid) = match kind {
            "counter" => (MetricType::Counter, None, rest),
            "histogram" => (MetricType::Histogram, None, rest),
            "summary" => (MetricType::Summary, None, rest),
            "gauge" => {
                let (word, pid) = rest.split_once('_').ok_or_else(wrong)?;
                let known = GaugeMode::ALL.iter().find(|mode| mode.as_str() == word);
                (MetricType::Gauge, Some(*known.ok_or_else(wrong)?), pid)
            }
            _ => return Err(wrong()),
        };
        Ok(Self { kind, mode, pid })
    }

    /// Whether a value and the time at which it was set must be read as a pair.
    pub(super) fn has_times(&self) -> bool {
        self.mode.is_some_and(GaugeMode::is_recent)
    }
}

/// What a compaction does with a file whose process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remains {
    /// Its numbers are kept.
    Kept,
    /// A gauge of living processes: it is removed.
    Gone,
}

/// The number of the process that the file belongs to, and what remains of it. `None`: the process
/// has another name; or the file stays, since each process's gauge is a series of its own, or has a
/// time that Python's clock gave it.
pub(crate) fn process_of(name: &str) -> Option<(u32, Remains)> {
    let FileName { mode, pid, .. } = FileName::parse(name).ok()?;
    let pid = Some(pid).filter(|pid| pid.bytes().all(|digit| digit.is_ascii_digit()))?;
    let remains = match mode {
        Some(mode) if mode.is_live() => Remains::Gone,
        Some(mode) if mode.is_all() || mode.is_recent() => return None,
        _ => Remains::Kept,
    };
    Some((pid.parse().ok()?, remains))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_type_mode_and_process() {
        let name = |name| FileName::parse(name).ok().map(|n| (n.kind, n.mode, n.pid));
        assert_eq!(name("counter_17.db"), Some((MetricType::Counter, None, "17")));
        assert_eq!(name("summary_uwsgi_1.db"), Some((MetricType::Summary, None, "uwsgi_1")));
        let all = Some((MetricType::Gauge, Some(GaugeMode::LiveMostRecent), "uwsgi_1"));
        assert_eq!(name("gauge_livemostrecent_uwsgi_1.db"), all);
        assert_eq!(name("histogram_.db"), Some((MetricType::Histogram, None, "")));
        for wrong in ["counter.db", "gauge_17.db", "gauge_mean_17.db", "info_17.db", "a.db", ".db"]
        {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
