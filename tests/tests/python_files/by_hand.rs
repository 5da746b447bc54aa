//! What files say, and what pages say then.

use headcount::Collector;
use headcount::python::merge;
use headcount_tests::{Medium, temporary_directory};

use crate::files::{File, LAYOUTS, Layout, counter, key, page, reasons, snapshot};

#[test]
fn counters_summaries_and_histograms_are_added_up_in_both_layouts() {
    let buckets = |file: File, counts: [f64; 3]| {
        let bucket = |le: &str| format!(r#"["h", "h_bucket", {{"le": "{le}"}}, "H."]"#);
        let file = file.with(r#"["h", "h_sum", {}, "H."]"#, counts.iter().sum());
        file.with(bucket("1.0"), counts[0])
            .with(bucket("2e+07"), counts[1])
            .with(bucket("+Inf"), counts[2])
    };
    for (first, second) in LAYOUTS.iter().flat_map(|a| LAYOUTS.iter().map(move |b| (*a, *b))) {
        let directory = temporary_directory(Medium::Memory);
        let path = |name: &str| directory.path().join(name);
        for (pid, layout, n) in [(17, first, 1.0), (18, second, 2.5)] {
            let c = File::new(layout).with(key("c", "c_total"), n);
            c.write(path(&format!("counter_{pid}.db")));
            let s = File::new(layout).with(key("s", "s_count"), 2.0).with(key("s", "s_sum"), n);
            s.write(path(&format!("summary_{pid}.db")));
            buckets(File::new(layout), [1.0, 0.0, 2.0]).write(path(&format!("histogram_{pid}.db")));
        }
        let expected = "# HELP c_total Help of c.\n# TYPE c_total counter\nc_total 3.5\n\
            # HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"2e+07\"} 2\n\
            h_bucket{le=\"+Inf\"} 6\nh_sum 6\nh_count 6\n\
            # HELP s Help of s.\n# TYPE s summary\ns_sum 3.5\ns_count 4\n";
        let shown = page(directory.path());
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&shown), sorted(expected), "{first:?}, {second:?}");
        assert_eq!(reasons(directory.path()), [""; 0]);
    }
}

#[test]
fn each_mode_combines_gauges_in_its_way() {
    let shown = |mode: &str| {
        let directory = temporary_directory(Medium::Memory);
        let (key, never) = (r#"["g", "g", {"pid": "mine"}, "G."]"#, r#"["n", "n", {}, "N."]"#);
        for (pid, value, time) in [("17", 3.0, 50.0), ("18", 1.0, 60.0), ("uwsgi_1", 2.0, 40.0)] {
            let file = File::today().set_at(key, value, time).with(never, f64::NAN);
            file.write(directory.path().join(format!("gauge_{mode}_{pid}.db")));
        }
        assert_eq!(reasons(directory.path()), [""; 0]);
        let names = ["g", "headcount_shared", "n"];
        assert!(snapshot(directory.path()).families().iter().map(|f| &*f.name).eq(names));
        page(directory.path())
    };
    let of = |value: &str, never: &str| {
        // A family without a value is in the snapshot, and on no page.
        let never = if never.is_empty() {
            String::new()
        } else {
            format!("# HELP n N.\n# TYPE n gauge\nn {never}\n")
        };
        format!("# HELP g G.\n# TYPE g gauge\ng {value}\n{never}")
    };
    for (mode, expected) in [
        ("min", of("1", "NaN")),
        ("max", of("3", "NaN")),
        ("sum", of("6", "NaN")),
        ("mostrecent", of("1", "")),
    ] {
        assert_eq!(shown(mode), expected, "{mode}");
        assert_eq!(shown(&format!("live{mode}")), expected, "live{mode}");
    }
    for mode in ["all", "liveall"] {
        let expected = "# HELP g G.\n# TYPE g gauge\ng{pid=\"17\"} 3\ng{pid=\"18\"} 1\ng{pid=\"uwsgi_1\"} 2\n\
            # HELP n N.\n# TYPE n gauge\nn{pid=\"17\"} NaN\nn{pid=\"18\"} NaN\nn{pid=\"uwsgi_1\"} NaN\n";
        assert_eq!(shown(mode), expected);
    }
}

#[test]
fn of_nan_and_a_number_the_one_in_the_first_file_stays() {
    for (first, second, expected) in [(f64::NAN, 1.0, "NaN"), (1.0, f64::NAN, "1")] {
        for mode in ["min", "max"] {
            let directory = temporary_directory(Medium::Memory);
            for (pid, value) in [(1, first), (2, second)] {
                let file = File::today().with(key("g", "g"), value);
                file.write(directory.path().join(format!("gauge_{mode}_{pid}.db")));
            }
            assert!(page(directory.path()).ends_with(&format!("\ng {expected}\n")), "{mode}");
        }
    }
}

#[test]
fn what_python_takes_in_a_key_is_taken() {
    let directory = temporary_directory(Medium::Memory);
    let mut file = File::today();
    for (key, value) in [
        (
            r#"["\u0061\ud83d\ude00" , "a😀_total" , { "z" : "1" , "b" : "x" , "b" : "\"\\\n" } , "h\ud800" ]"#,
            1.0,
        ),
        (r#"["before_0_16", "before_0_16_total", {}]"#, 2.0),
        (r#"["http.requests", "http.requests_total", {"a-b": "c"}, ""]"#, 3.0),
    ] {
        file = file.with(key, value);
    }
    file.write(directory.path().join("counter_1.db"));
    assert_eq!(reasons(directory.path()), [""; 0]);
    let snapshot = snapshot(directory.path());
    let family = snapshot.families().iter().find(|family| family.name == "a😀_total").unwrap();
    assert_eq!(family.help, "h\u{fffd}");
    assert!(family.series[0].labels.iter().eq([("b", "\"\\\n"), ("z", "1")]));
    // Names that text readers cannot have are escaped for them.
    let text = snapshot.to_text();
    assert!(text.contains("\nhttp_requests_total{a_b=\"c\"} 3\n"), "{text}");
    assert!(text.contains("\nbefore_0_16_total 2\n"), "{text}");
}

#[test]
fn help_type_and_mode_of_files_that_differ_are_told() {
    let directory = temporary_directory(Medium::Memory);
    let path = |name: &str| directory.path().join(name);
    let with_help = |help: &str, value| {
        File::today().with(format!(r#"["c", "c_total", {{}}, "{help}"]"#), value)
    };
    with_help("First.", 1.0).write(path("counter_1.db"));
    with_help("Second.", 2.0).write(path("counter_2.db"));
    File::today().with(key("g", "g"), 1.0).write(path("gauge_max_1.db"));
    File::today().with(key("g", "g"), 5.0).write(path("gauge_min_1.db"));
    // The counter came first: this one's samples fit no counter.
    File::today().with(key("c", "c"), 1.0).write(path("gauge_min_2.db"));
    let text = page(directory.path());
    assert!(text.contains("# HELP c_total First.\n# TYPE c_total counter\nc_total 3\n"), "{text}");
    // The mode of the last file: the least.
    assert!(text.ends_with("# TYPE g gauge\ng 1\n"), "{text}");
    assert_eq!(reasons(directory.path()), ["conflict", "conflict", "invalid"]);
    let page = Collector::from_directory(directory.path()).collect().unwrap().to_text();
    assert!(page.contains("\nheadcount_files_skipped{reason=\"conflict\"} 2\n"), "{page}");
}

#[test]
fn values_that_no_page_can_show_cost_their_series() {
    let directory = temporary_directory(Medium::Memory);
    let of = |family: &str, sample: &str, labels: &str| {
        format!(r#"["{family}", "{sample}", {{{labels}}}, ""]"#)
    };
    File::today()
        .with(of("c", "c_total", r#""a": "1""#), -1.0)
        .with(of("c", "c_total", r#""a": "2""#), f64::NAN)
        .with(of("c", "c_total", r#""__name__": "x""#), 1.0)
        .with(of("c", "c_created", r#""a": "5""#), 1.0)
        .with(of("c", "c_total", r#""a": "6""#), 7.0)
        .with(of("", "", ""), 1.0)
        .write(directory.path().join("counter_1.db"));
    File::today()
        .with(of("h", "h_bucket", r#""le": "1.0""#), 1.5)
        .with(of("h", "h_bucket", r#""a": "1", "le": "1.0""#), -1.0)
        .with(of("h", "h_bucket", r#""a": "2", "le": "x""#), 1.0)
        .with(of("h", "h_bucket", r#""a": "2", "le": "1.0""#), 1.0)
        .with(of("h", "h_sum", r#""a": "3""#), 0.0)
        .write(directory.path().join("histogram_1.db"));
    let text = page(directory.path());
    let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        shown,
        [
            "c_total{a=\"2\"} NaN",
            "c_total{a=\"6\"} 7",
            "h_bucket{a=\"2\",le=\"1.0\"} 1",
            "h_bucket{a=\"2\",le=\"+Inf\"} 1",
            "h_sum{a=\"2\"} 0",
            "h_count{a=\"2\"} 1",
            "h_bucket{a=\"3\",le=\"+Inf\"} 0",
            "h_sum{a=\"3\"} 0",
            "h_count{a=\"3\"} 0",
        ]
    );
    let reasons = reasons(directory.path());
    assert_eq!(reasons, ["corrupt", "invalid", "invalid", "invalid", "invalid", "invalid"]);
}

#[test]
fn a_file_of_0_17_that_a_later_version_has_opened_is_still_the_file_of_0_17() {
    let directory = temporary_directory(Medium::Memory);
    // Python keeps `used`, and writes the time of the last value behind it.
    let mut file = File::new(Layout::Value).with(key("c", "c_total"), 5.0);
    file.bytes.extend(1.7e9_f64.to_le_bytes());
    file.write(directory.path().join("counter_1.db"));
    assert!(page(directory.path()).ends_with("\nc_total 5\n"));
}

#[test]
fn merging_without_accumulation_leaves_the_buckets_as_the_files_have_them() {
    let directory = temporary_directory(Medium::Memory);
    let bucket = |le: &str| format!(r#"["h", "h_bucket", {{"le": "{le}"}}, "H."]"#);
    let file = directory.path().join("histogram_1.db");
    File::today()
        .with(key("h", "h_sum"), 9.0)
        .with(bucket("1.0"), 2.0)
        .with(bucket("+Inf"), 1.0)
        .write(&file);
    let samples = |accumulate| -> Vec<(String, f64)> {
        let family = merge([&file, &file], accumulate).families.remove(0);
        let of = |s: headcount::python::Sample| {
            (format!("{}{}", s.name, s.labels.first().map_or("", |(_, le)| le)), s.value)
        };
        family.samples.into_iter().map(of).collect()
    };
    let all = |sum, one, last| {
        vec![
            ("h_sum".to_owned(), sum),
            ("h_bucket1.0".to_owned(), one),
            ("h_bucket+Inf".to_owned(), last),
        ]
    };
    assert_eq!(samples(false), all(18.0, 4.0, 2.0));
    assert_eq!(samples(true), [all(18.0, 4.0, 6.0), vec![("h_count".to_owned(), 6.0)]].concat());
}

#[test]
fn the_switch_turns_it_off_and_names_choose() {
    let directory = temporary_directory(Medium::Memory);
    counter("a", 1.0).write(directory.path().join("counter_1.db"));
    counter("b", 1.0).write(directory.path().join("counter_2.db"));
    let collector = Collector::from_directory(directory.path()).self_metrics(false);
    let names = |collector: Collector| -> Vec<String> {
        let snapshot = collector.collect().unwrap();
        snapshot.families().iter().map(|family| family.name.clone()).collect()
    };
    assert_eq!(names(collector.clone()), ["a_total", "b_total", "headcount_shared"]);
    assert_eq!(names(collector.clone().names(["b"])), ["b_total"]);
    assert_eq!(
        names(collector.clone().prefix("x")),
        ["headcount_shared", "x_a_total", "x_b_total"]
    );
    assert_eq!(names(collector.python_files(false)), ["headcount_shared"]);
}
