//! Families that both Python's processes and headcount's have: in one directory, on one page.

use std::path::Path;
use std::sync::OnceLock;

use headcount::{Collector, Config, Format, GaugeMode, dynamic};
use headcount_tests::{Medium, temporary_directory};
use tempfile::TempDir;

use crate::files::{File, counter, key};

/// The directory in which this process counts.
pub(crate) fn own_directory() -> &'static Path {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let directory = temporary_directory(Medium::Memory);
        headcount::init(Config::new().directory(directory.path())).unwrap();
        directory
    });
    directory.path()
}

/// The samples of a family, and what was said of it.
fn samples(name: &str) -> (Vec<String>, Vec<String>) {
    let snapshot = Collector::new().names([name]).collect().unwrap();
    let text = snapshot.to_text();
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let told = snapshot.skipped().iter().map(ToString::to_string);
    (lines, told.filter(|told| told.contains(&format!("`{name}"))).collect())
}

#[track_caller]
fn shows(name: &str, expected: &[&str]) {
    let (lines, told) = samples(name);
    assert_eq!(lines, expected);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn counters_are_added_up() {
    let directory = own_directory();
    dynamic::counter("both_c_total", "C.").register().unwrap().inc_by(2);
    dynamic::float_counter("both_f_total", "F.").register().unwrap().inc_by(0.5);
    counter("both_c", 3.0).write(directory.join("counter_1.db"));
    counter("both_f", 3.0).write(directory.join("counter_2.db"));
    counter("both_f", 3.0).write(directory.join("counter_3.db"));
    shows("both_c_total", &["both_c_total 5"]);
    shows("both_f_total", &["both_f_total 6.5"]);
    // Since when Python's processes count is unknown, and so it is of the sum.
    let mut page = Vec::new();
    let snapshot = Collector::new().names(["both_c", "only_here"]).collect().unwrap();
    snapshot.encode(Format::OpenMetrics, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("\nboth_c_total 5") && !page.contains("both_c_created"), "{page}");
}

#[test]
fn rows_of_both_are_joined_by_their_labels() {
    let rows =
        dynamic::counter("both_rows_total", "R.").labels(["b", "a"]).register_family().unwrap();
    rows.with_label_values(&["1", "2"]).inc();
    rows.with_label_values(&["3", "4"]).inc();
    let row = |labels: &str| format!(r#"["both_rows", "both_rows_total", {{{labels}}}, ""]"#);
    File::today()
        .with(row(r#""a": "2", "b": "1""#), 1.0)
        .with(row(r#""a": "5", "b": "1""#), 1.0)
        .write(own_directory().join("counter_rows.db"));
    let expected = [
        "both_rows_total{a=\"2\",b=\"1\"} 2",
        "both_rows_total{a=\"4\",b=\"3\"} 1",
        "both_rows_total{a=\"5\",b=\"1\"} 1",
    ];
    shows("both_rows_total", &expected);
}

#[test]
fn histograms_and_summaries_are_added_up() {
    dynamic::histogram("both_h_seconds", "H.").register().unwrap().observe(0.03);
    dynamic::summary("both_s", "S.").register().unwrap().observe(2.0);
    // Python's default bounds, which are headcount's.
    let mut file = File::today().with(key("both_h_seconds", "both_h_seconds_sum"), 100.0);
    for le in "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf".split(' ') {
        let count = if le == "0.05" || le == "+Inf" { 1.0 } else { 0.0 };
        file = file.with(
            format!(r#"["both_h_seconds", "both_h_seconds_bucket", {{"le": "{le}"}}, "Help of both_h_seconds."]"#),
            count,
        );
    }
    file.write(own_directory().join("histogram_1.db"));
    let file = File::today().with(key("both_s", "both_s_count"), 3.0);
    file.with(key("both_s", "both_s_sum"), 4.0).write(own_directory().join("summary_1.db"));
    let (lines, told) = samples("both_h_seconds");
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(lines.len(), 17);
    for line in [
        "both_h_seconds_bucket{le=\"0.025\"} 0",
        "both_h_seconds_bucket{le=\"0.05\"} 2",
        "both_h_seconds_bucket{le=\"+Inf\"} 3",
        "both_h_seconds_sum 100.03",
        "both_h_seconds_count 3",
    ] {
        assert!(lines.iter().any(|known| known == line), "{line}: {lines:?}");
    }
    let (lines, _) = samples("both_s");
    assert_eq!(
        lines.iter().map(|line| &**line).collect::<Vec<_>>(),
        ["both_s_sum 6", "both_s_count 4"]
    );
}

#[test]
fn of_other_buckets_those_that_both_h_secondsave_are_shown() {
    let histogram = dynamic::histogram("both_b", "B.").buckets([1.0, 2.0, 3.0]).register().unwrap();
    histogram.observe(1.5);
    let mut file = File::today().with(key("both_b", "both_b_sum"), 1.5);
    for (le, count) in [("0.5", 0.0), ("2.0", 1.0), ("+Inf", 0.0)] {
        file = file.with(
            format!(r#"["both_b", "both_b_bucket", {{"le": "{le}"}}, "Help of both_b."]"#),
            count,
        );
    }
    file.write(own_directory().join("histogram_2.db"));
    let (lines, told) = samples("both_b");
    let expected = [
        "both_b_bucket{le=\"2.0\"} 2",
        "both_b_bucket{le=\"+Inf\"} 2",
        "both_b_sum 3",
        "both_b_count 2",
    ];
    assert_eq!(lines, expected);
    assert!(told[0].contains("different buckets"), "{told:?}");
}

#[test]
fn gauges_are_combined_by_their_mode() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    for (mode, own, theirs, later, expected) in [
        (GaugeMode::LiveSum, 2, 3.0, 0.0, "5"),
        (GaugeMode::Sum, 2, 3.0, 0.0, "5"),
        (GaugeMode::Min, 2, 3.0, 0.0, "2"),
        (GaugeMode::LiveMax, 2, 3.0, 0.0, "3"),
        (GaugeMode::MostRecent, 2, 3.0, 60.0, "3"),
        (GaugeMode::LiveMostRecent, 2, 3.0, -60.0, "2"),
    ] {
        let name = format!("both_in_{mode}_mode");
        dynamic::gauge(&*name, "G.", mode).register().unwrap().set(own);
        let file = File::today().set_at(key(&name, &name), theirs, now.as_secs_f64() + later);
        file.write(own_directory().join(format!("gauge_{mode}_1.db")));
        shows(&name, &[&format!("{name} {expected}")]);
    }
}

#[test]
fn gauges_of_each_process_stand_side_by_side() {
    dynamic::gauge("both_each", "G.", GaugeMode::All).register().unwrap().set(1);
    let file = File::today().with(key("both_each", "both_each"), 2.0);
    file.write(own_directory().join("gauge_all_4000001.db"));
    file.write(own_directory().join("gauge_all_uwsgi_1.db"));
    let (mut lines, told) = samples("both_each");
    // By the text of the number.
    lines.sort_by_key(String::len);
    let own = format!("both_each{{pid=\"{}\"}} 1", std::process::id());
    assert_eq!(lines, [own, "both_each{pid=\"4000001\"} 2".to_owned()]);
    // A name of a process that is no number has no place among those that are.
    assert!(told[0].contains("a process must be named by its number"), "{told:?}");
}

#[test]
fn what_is_another_thing_in_living_processes_is_left_out() {
    dynamic::gauge("both_mode", "G.", GaugeMode::LiveSum).register().unwrap().set(1);
    dynamic::gauge("both_kind_total_of", "G.", GaugeMode::LiveSum).register().unwrap().set(1);
    let file = File::today().with(key("both_mode", "both_mode"), 2.0);
    file.write(own_directory().join("gauge_liveall_2.db"));
    let file = File::today().with(key("both_kind_total_of", "both_kind_total_of_sum"), 2.0);
    file.write(own_directory().join("summary_2.db"));
    for (name, word) in [("both_mode", "liveall"), ("both_kind_total_of", "a summary")] {
        let (lines, told) = samples(name);
        assert_eq!(lines, [format!("{name} 1")]);
        assert!(told[0].contains(word) && told[0].contains("left out"), "{told:?}");
    }
}
