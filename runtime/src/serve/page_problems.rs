//! What is wrong with a directory, in words for a person: what, where, and what to do about it.

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::collect::{SegmentInfo, SegmentState};
use crate::error::Error;
use crate::expose::json;
use crate::model::Snapshot;

/// The most that are listed. The rest is a number.
const MOST: usize = 100;

/// How bad it is. The page lists them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    /// Numbers are missing, or a process shares nothing.
    Error,
    /// Something is left out that somebody declared or counted.
    Warning,
    /// Nothing is lost.
    Note,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Problem {
    level: Level,
    title: String,
    place: String,
    detail: String,
    remedy: &'static str,
    command: String,
}

/// When each problem was seen first.
pub(super) type FirstSeen = HashMap<Problem, SystemTime>;

/// Collects problems.
pub(super) struct Problems<'a> {
    directory: Option<&'a Path>,
    all: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn of(
        directory: Option<&'a Path>,
        is_used: bool,
        snapshot: &Snapshot,
        segments: &[SegmentInfo],
    ) -> Self {
        let mut problems = Self { directory, all: Vec::new() };
        if !is_used {
            problems.add(
                Level::Note,
                "Nothing counts here yet".to_owned(),
                "The directory contains nothing of headcount's.".to_owned(),
                "Start the program, or check which directory it counts in.",
            );
        }
        for error in snapshot.skipped() {
            problems.skipped(error);
        }
        problems.of_collector(snapshot);
        for segment in segments {
            problems.of_process(segment);
        }
        problems.all.sort_by_key(|problem| problem.level);
        problems
    }

    fn add(&mut self, level: Level, title: String, detail: String, remedy: &'static str) {
        let (place, command) = Default::default();
        self.all.push(Problem { level, title, place, detail, remedy, command });
    }

    /// Sets where the last problem is.
    fn at(&mut self, place: String) {
        if let Some(problem) = self.all.last_mut() {
            problem.place = place;
        }
    }

    /// Sets the command that helps with the last problem.
    fn command(&mut self, command: &str) {
        let directory = self.directory.map(|path| format!(" --dir {}", quoted(path)));
        if let Some(problem) = self.all.last_mut() {
            problem.command = format!("{command}{}", directory.unwrap_or_default());
        }
    }

    /// What the collection left out.
    fn skipped(&mut self, error: &Error) {
        const CLEAN: &str = "headcount clean --unreadable";
        let (level, title, remedy, command) = match error.reason() {
            "corrupt" => (
                Level::Error,
                "A file is damaged, and part of it is not counted",
                "Keep a copy for a report, and then remove the file.",
                CLEAN,
            ),
            "io" => (
                Level::Error,
                "A file could not be read",
                "See the reason. The next collection tries again.",
                "",
            ),
            "version" => (
                Level::Warning,
                "A file has parts that only a newer version can read",
                "Update the program that makes this page.",
                "",
            ),
            "not_a_segment" => (
                Level::Warning,
                "A file has the name of a segment, and is none",
                "Find out who made it, and remove it.",
                CLEAN,
            ),
            "foreign" => (
                Level::Warning,
                "A file was not read",
                "Find out who made it, and remove it.",
                "headcount ps",
            ),
            "conflict" => (
                Level::Warning,
                "Declarations contradict each other",
                "Make them equal. What most processes declare is shown.",
                "",
            ),
            "limit" => (
                Level::Warning,
                "There is more than a collection takes",
                "Bound the values of labels, or raise the collector's limit.",
                "",
            ),
            "stuck" => (
                Level::Warning,
                "A function of the program does not return",
                "Look at what it waits for.",
                "",
            ),
            _ => (Level::Warning, "Something was left out", "See the reason.", ""),
        };
        self.add(level, title.to_owned(), error.to_string(), remedy);
        if let Some(path) = error.path() {
            let path = path.display().to_string();
            // The message begins with the path, which is shown apart.
            if let Some(problem) = self.all.last_mut() {
                let rest =
                    problem.detail.strip_prefix(&path).and_then(|text| text.strip_prefix(": "));
                problem.detail = rest.map_or_else(|| problem.detail.clone(), str::to_owned);
            }
            self.at(path);
        }
        if !command.is_empty() {
            self.command(command);
        }
    }

    /// What the collector's own metrics report.
    fn of_collector(&mut self, snapshot: &Snapshot) {
        let value = |name: &str, label: Option<&str>| {
            let family = snapshot.families().iter().find(|family| family.name == name)?;
            let mut series = family.series.iter();
            let series = series.find(|series| {
                label.is_none_or(|value| series.labels.iter().any(|(_, known)| known == value))
            })?;
            let labels: Vec<(&str, &str)> = series.labels.iter().collect();
            snapshot.value(name, &labels).filter(|value| *value > 0.0)
        };
        if value("headcount_shared", None).is_none() {
            self.add(
                Level::Error,
                "This process counts for itself alone".to_owned(),
                "No directory is named, or it cannot be used: the numbers of other processes are \
                 not here."
                    .to_owned(),
                "Name a directory that all processes may write to.",
            );
        }
        if let Some(series) = value("headcount_dropped_series", None) {
            self.add(
                Level::Warning,
                format!("{series} series had no space"),
                "What was recorded for them is counted nowhere.".to_owned(),
                "Bound the values of labels, or choose the large size of segments.",
            );
        }
        if let Some(operations) = value("headcount_dropped_operations_total", None) {
            self.add(
                Level::Warning,
                format!("{operations} operations were not recorded"),
                "There was no space for them, or the value was invalid.".to_owned(),
                "The column Drops lists the processes.",
            );
        }
        if let Some(values) = value("headcount_cut_label_values_total", None) {
            self.add(
                Level::Note,
                format!("{values} label values were cut"),
                "They were longer than 1024 bytes.".to_owned(),
                "Choose shorter ones: equal beginnings become one series.",
            );
        }
        if let Some(files) = value("headcount_files_skipped", Some("set_aside")) {
            self.add(
                Level::Note,
                format!("{files} damaged files were set aside"),
                "Compaction has renamed them. They end in `.bad`.".to_owned(),
                "Keep copies for a report, and then remove them.",
            );
            self.command("headcount clean --unreadable");
        }
    }

    fn of_process(&mut self, segment: &SegmentInfo) {
        let pid = segment.pid().map(|pid| format!("pid {pid}")).unwrap_or_default();
        if segment.state() == SegmentState::Unknown {
            self.add(
                Level::Warning,
                "A process cannot be seen from here".to_owned(),
                format!("{}. Its live gauges are not shown.", segment.why()),
                "Serve from where its processes are visible.",
            );
            self.at(pid);
            return;
        }
        #[cfg(feature = "process")]
        if segment.glance().is_some_and(|glance| glance.is_stopped) {
            self.add(
                Level::Warning,
                "A process is stopped".to_owned(),
                "A signal or a debugger has stopped it.".to_owned(),
                "Continue it, or end it.",
            );
            self.at(pid);
        }
    }

    /// Writes them as JSON. `seen` keeps since when each of them is known.
    pub(super) fn write(&self, out: &mut String, now: SystemTime, seen: &mut FirstSeen) {
        seen.retain(|problem, _| self.all.contains(problem));
        out.push_str("{\"list\":[");
        for (at, problem) in self.all.iter().take(MOST).enumerate() {
            let since = *seen.entry(problem.clone()).or_insert(now);
            json::separate(out, at);
            out.push('{');
            let level = match problem.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "note",
            };
            for (at, (name, value)) in [
                ("level", level),
                ("title", &problem.title),
                ("where", &problem.place),
                ("detail", &problem.detail),
                ("remedy", problem.remedy),
                ("command", &problem.command),
            ]
            .into_iter()
            .enumerate()
            {
                json::separate(out, at);
                json::member(out, name, value);
            }
            out.push_str(",\"since\":");
            json::number(out, seconds(since));
            out.push('}');
        }
        let left_out = self.all.len().saturating_sub(MOST);
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(out, format_args!("],\"left_out\":{left_out}}}"));
    }
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A path as an argument in a shell.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !path.is_empty() && path.chars().all(is_plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_argument() {
        for (path, argument) in [
            ("/run/shop", "/run/shop"),
            ("", "''"),
            ("/a b", "'/a b'"),
            ("/it's", "'/it'\\''s'"),
            ("/$(reboot);x", "'/$(reboot);x'"),
        ] {
            assert_eq!(quoted(Path::new(path)), argument);
        }
    }
}
