use std::time::Duration;

use crate::expose::Format;
use crate::model::Bucket;

use super::*;

fn series(labels: &[(&str, &str)], value: Value) -> Series {
    let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Series::new(labels, value)
}

fn family(name: &str, kind: MetricType, series: Vec<Series>) -> MetricFamily {
    MetricFamily { name: name.to_owned(), help: String::new(), unit: String::new(), kind, series }
}

fn counter(name: &str, value: u64) -> MetricFamily {
    let value = Value::Counter(Number::Integer(value));
    family(name, MetricType::Counter, vec![series(&[], value)])
}

fn gauge(name: &str) -> MetricFamily {
    family(name, MetricType::Gauge, vec![series(&[], Value::Gauge(1.0))])
}

fn histogram(name: &str, first: f64, sum: f64) -> MetricFamily {
    let buckets = vec![Bucket { le: first, count: 1 }, Bucket { le: f64::INFINITY, count: 3 }];
    let value = Value::Histogram(HistogramValue { buckets, sum, native: None });
    family(name, MetricType::Histogram, vec![series(&[], value)])
}

fn summary(name: &str, sum: f64) -> MetricFamily {
    let value = Value::Summary(SummaryValue { sum, count: 2 });
    family(name, MetricType::Summary, vec![series(&[], value)])
}

/// The lines of the page, without help texts and without the end mark.
fn lines(families: &[MetricFamily]) -> Vec<String> {
    let page = Format::OpenMetrics.page(families);
    let page = page.strip_suffix("# EOF\n").unwrap();
    page.lines().filter(|line| !line.starts_with("# HELP")).map(str::to_owned).collect()
}

#[test]
fn an_empty_page_has_an_end() {
    assert_eq!(Format::OpenMetrics.page(&[]), "# EOF\n");
    assert_eq!(Format::OpenMetrics.page(&[family("x", MetricType::Gauge, vec![])]), "# EOF\n");
}

#[test]
fn everything_that_is_counted_has_its_parts_in_order() {
    let created = Some(UNIX_EPOCH + Duration::from_micros(1_700_000_000_050_700));
    let mut families = [
        counter("bytes_total", u64::MAX),
        histogram("h_seconds", 0.5, 1e6),
        summary("s", 0.25),
        counter("things", 3),
    ];
    for family in &mut families {
        family.series[0].created = created;
    }
    families[0].unit = "bytes".to_owned();
    families[0].help = "a \\, a \" and\na line".to_owned();
    families[1].unit = "seconds".to_owned();
    families[2].unit = "seconds".to_owned(); // isn't in the name
    assert_eq!(
        Format::OpenMetrics.page(&families),
        concat!(
            "# TYPE bytes counter\n",
            "# HELP bytes a \\\\, a \\\" and\\na line\n",
            "bytes_total 18446744073709551615\nbytes_created 1700000000.050\n",
            "# TYPE h_seconds histogram\n# UNIT h_seconds seconds\n# HELP h_seconds \n",
            "h_seconds_bucket{le=\"0.5\"} 1\nh_seconds_bucket{le=\"+Inf\"} 3\n",
            "h_seconds_count 3\nh_seconds_sum 1e+06\nh_seconds_created 1700000000.050\n",
            "# TYPE s summary\n# HELP s \ns_count 2\ns_sum 0.25\ns_created 1700000000.050\n",
            "# TYPE things counter\n# HELP things \nthings_total 3\nthings_created 1700000000.050\n",
            "# EOF\n",
        )
    );
}

#[test]
fn infos_and_state_sets_have_their_types() {
    let build = [("version", "1\"2")];
    let info = family("build_info", MetricType::Info, vec![series(&build, Value::Gauge(1.0)); 2]);
    // As a snapshot sorts them: by the state, before the process.
    let states = [("a", "1", 0.0), ("a", "2", 1.0), ("b", "1", 1.0), ("b", "2", 0.0)];
    let states = states
        .map(|(state, pid, value)| series(&[("phase", state), ("pid", pid)], Value::Gauge(value)));
    let states = family("phase", MetricType::StateSet, states.into());
    assert_eq!(
        lines(&[info, states]),
        [
            "# TYPE build info",
            "build_info{version=\"1\\\"2\"} 1",
            "# TYPE phase stateset",
            "phase{phase=\"a\",pid=\"1\"} 0",
            "phase{phase=\"b\",pid=\"1\"} 1",
            "phase{phase=\"a\",pid=\"2\"} 1",
            "phase{phase=\"b\",pid=\"2\"} 0",
        ]
    );
}

#[test]
fn what_is_no_info_or_state_set_is_a_gauge() {
    let two = || vec![series(&[("phase", "a")], Value::Gauge(2.0))];
    let families = [
        family("_info", MetricType::Info, vec![series(&[], Value::Gauge(1.0))]),
        family("b_info", MetricType::Info, vec![series(&[], Value::Gauge(0.0))]),
        family("c", MetricType::StateSet, vec![series(&[("phase", "a")], Value::Gauge(1.0))]),
        family("phase", MetricType::StateSet, two()),
    ];
    assert_eq!(
        lines(&families),
        [
            "# TYPE _info gauge",
            "_info 1.0",
            "# TYPE b_info gauge",
            "b_info 0.0",
            "# TYPE c gauge",
            "c{phase=\"a\"} 1.0",
            "# TYPE phase gauge",
            "phase{phase=\"a\"} 2.0",
        ]
    );
}

#[test]
fn families_that_clash_only_here_keep_their_samples_and_lose_their_type() {
    let info = || family("x_info", MetricType::Info, vec![series(&[], Value::Gauge(1.0))]);
    for (families, expected) in [
        // A counter's family has the name of a gauge's.
        (vec![gauge("x"), counter("x_total", 2)], "gauge x 1.0 unknown x_total 2"),
        // The counter may have a sample whose name is the gauge's.
        (vec![gauge("x_created"), counter("x_total", 2)], "gauge x_created 1.0 unknown x_total 2"),
        (vec![counter("x_total", 2), info()], "unknown x_total 2 gauge x_info 1.0"),
        // Without its suffix the second counter's family has the name of the first.
        (vec![counter("x", 1), counter("x_total", 2)], "unknown x 1 unknown x_total 2"),
        (
            vec![summary("s", 1.0), gauge("s_created")],
            "unknown s_count 2 unknown s_sum 1.0 gauge s_created 1.0",
        ),
        (
            vec![histogram("h", 1.0, 2.0), counter("h_total", 1), gauge("y")],
            "unknown h_bucket{le=\"1.0\"} 1 h_bucket{le=\"+Inf\"} 3 unknown h_count 3 unknown h_sum 2.0 unknown h_total 1 gauge y 1.0",
        ),
        (vec![counter("_total", 1)], "unknown _total 1"),
        // These do not clash even in OpenMetrics.
        (
            vec![counter("x_total_total", 1), counter("y_total", 2)],
            "counter x_total_total 1 counter y_total 2",
        ),
    ] {
        let told = |families: &[MetricFamily]| -> Vec<String> {
            let line = |line: String| match line.strip_prefix("# TYPE ") {
                Some(line) => line.split_once(' ').unwrap().1.to_owned(),
                None => line,
            };
            lines(families).into_iter().map(line).collect()
        };
        assert_eq!(told(&families).join(" "), expected);
        // Each family is written in the same way, whatever the order.
        let mut reversed: Vec<MetricFamily> = families.into_iter().rev().collect();
        let mut all = told(&reversed);
        reversed.reverse();
        let mut again = told(&reversed);
        all.sort();
        again.sort();
        assert_eq!(all, again);
    }
}

#[test]
fn totals_that_are_none_are_unknown() {
    let float = |value| {
        let value = Value::Counter(Number::Float(value));
        family("c_total", MetricType::Counter, vec![series(&[], value)])
    };
    for (family, expected) in [
        (float(f64::NAN), "# TYPE c_total unknown|c_total NaN"),
        (float(-1.0), "# TYPE c_total unknown|c_total -1.0"),
        (float(f64::INFINITY), "# TYPE c counter|c_total +Inf"),
        (summary("s", -0.5), "# TYPE s_count unknown|s_count 2|# TYPE s_sum unknown|s_sum -0.5"),
        (
            histogram("h", -1.0, 2.0),
            "# TYPE h_bucket unknown|h_bucket{le=\"-1.0\"} 1|h_bucket{le=\"+Inf\"} 3|# TYPE h_count unknown|h_count 3|# TYPE h_sum unknown|h_sum 2.0",
        ),
    ] {
        assert_eq!(lines(&[family]).join("|"), expected);
    }
}

#[test]
fn of_two_families_with_one_name_the_first_is_shown() {
    assert_eq!(lines(&[gauge("x"), counter("x", 2)]), ["# TYPE x gauge", "x 1.0"]);
    assert_eq!(lines(&[counter("x", 2), counter("x", 3)]), ["# TYPE x unknown", "x 2"]);
}
