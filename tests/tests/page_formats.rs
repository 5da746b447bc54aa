//! A page in every format: who gets which, and that parsers which are not ours read back what was
//! written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use headcount::{
    Collector, Counter, Exposition, Histogram, MetricFamily, MetricType, Scrape, Snapshot, Summary,
    Value, metric,
};
use headcount_tests::peer;
use headcount_tests::random::Random;

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// Sizes.
#[metric(name = "formats_size_bytes", unit = "bytes", buckets = [1.0, 1e3, 1e6])]
fn sizes(of: &str) -> Histogram;

/// Weights.
#[metric(name = "formats_weight")]
static WEIGHTS: Summary;

/// Letters.
#[metric(name = "formats_letters_total")]
static LETTERS: Counter;

fn counted() -> Snapshot {
    LETTERS.inc_by(3);
    sizes("a \"b\"\\\n").observe(12.5);
    sizes("é").observe(1e7);
    WEIGHTS.observe(0.1);
    Collector::new().collect().expect("a snapshot")
}

fn header(page: &Exposition, name: &str) -> Option<&'static str> {
    page.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn an_answer_has_the_headers_that_its_content_needs() {
    let snapshot = counted();
    let page = snapshot.render(Scrape::new().accept("*/*").accept_encoding("gzip;q=1.0"));
    assert_eq!((page.status(), header(&page, "content-encoding")), (200, Some("gzip")));
    assert_eq!(header(&page, "vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(header(&page, "content-type"), Some(page.content_type()));
    assert_eq!(&page.body()[..2], [0x1f, 0x8b]);
    let plain = snapshot.render(Scrape::new().accept("*/*").accept_encoding("identity"));
    assert_eq!(header(&plain, "content-encoding"), None);
    assert_eq!(header(&plain, "vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(plain.body(), snapshot.to_text().as_bytes());
    assert!(page.body().len() * 2 < plain.body().len());

    let refused = headcount::render(Scrape::new().method("POST")).expect("no collection");
    assert_eq!((refused.status(), header(&refused, "allow")), (405, Some("GET, HEAD")));
    assert_eq!(headcount::render(Scrape::new().method("HEAD")).expect("a page").status(), 200);
}

#[test]
fn a_content_type_names_the_escaping_that_was_asked_for() {
    let snapshot = counted();
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    for (accept, content_type) in [
        (
            "text/plain;version=1.0.0".to_owned(),
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8".to_owned(),
        ),
        ("application/openmetrics-text;version=1.0.0".to_owned(), openmetrics.to_owned()),
        (
            "application/openmetrics-text;version=1.0.0;escaping=dots".to_owned(),
            format!("{openmetrics}; escaping=dots"),
        ),
        (PROTOBUF.to_owned(), protobuf.to_owned()),
        (format!("{PROTOBUF};escaping=values"), format!("{protobuf}; escaping=values")),
        ("application/json".to_owned(), "application/json".to_owned()),
    ] {
        assert_eq!(snapshot.render(&accept).content_type(), content_type, "{accept}");
    }
}

#[test]
fn a_client_gets_the_families_that_it_names() {
    let snapshot = counted();
    let text = |names: &[&str]| {
        let names = names.iter().copied();
        let collected = Collector::new().names(names.clone()).collect().expect("a snapshot");
        let page = snapshot.render(Scrape::new().names(names.clone())).into_body();
        let collected = collected.families().iter().map(|family| family.name.clone());
        let shown = String::from_utf8(page).expect("UTF-8");
        let shown = shown.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let shown: Vec<String> =
            shown.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(collected.collect::<Vec<_>>(), shown, "{names:?}");
        shown
    };
    assert!(text(&[]).len() > 10);
    assert_eq!(text(&["formats_letters_total"]), ["formats_letters_total"]);
    assert_eq!(text(&["formats_letters", "no_such"]), ["formats_letters_total"]);
    for sample in ["formats_size_bytes", "formats_size_bytes_bucket", "formats_size_bytes_count"] {
        assert_eq!(text(&[sample, "formats_weight_sum"]), ["formats_size_bytes", "formats_weight"]);
    }
    assert_eq!(text(&["headcount_build_info"]), ["headcount_build_info"]);
    assert_eq!(text(&["formats_size_bytes_"]), [""; 0]);
    // A collection of some families leaves the next one complete.
    assert!(Collector::new().collect().expect("a snapshot").families().len() > 10);
}

/// Any text of a few characters, among them those that formats treat specially.
fn any_text(random: &mut Random) -> String {
    let alphabet = [
        "a", "Z", "0", "_", ":", ".", "-", " ", "\"", "\\", "\n", "\r", "\t", "{", "}", ",", "=",
        "#", "é", "ß", "花", "🦀", "\u{202e}", "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "'", "<",
        "n", "\\n", "# EOF",
    ];
    (0..random.below(8)).map(|_| *random.pick(&alphabet)).collect()
}

/// A name that only some formats can have as it is, or a plain one. `stem` keeps names apart.
fn any_name(random: &mut Random, stem: &str) -> String {
    if random.below(3) == 0 {
        return stem.to_owned();
    }
    let mut name = any_text(random);
    name.retain(|c| !c.is_control());
    format!("{stem}{name}")
}

fn any_number(random: &mut Random) -> f64 {
    match random.below(4) {
        0 => *random.pick(&[0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324]),
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        1 => random.awkward() as f64,
        _ => f64::from_bits(random.number()),
    }
}

fn any_family(random: &mut Random, number: usize, counted: &Snapshot) -> MetricFamily {
    let help = any_text(random);
    let name = any_name(random, &format!("m{number}"));
    let mut family = match random.below(6) {
        0 => MetricFamily::gauge(name, help),
        1 => MetricFamily::counter(format!("{name}_total"), help),
        2 => MetricFamily::info(format!("{name}_info"), help),
        3 => {
            let mut family = MetricFamily::gauge(name, help);
            family.kind = MetricType::StateSet;
            family
        }
        kind => {
            // One that was really counted, with other numbers.
            let kind = if kind == 4 { MetricType::Histogram } else { MetricType::Summary };
            let is_it =
                |family: &&MetricFamily| family.kind == kind && family.name.starts_with('f');
            let mut family = counted.families().iter().find(is_it).expect("counted").clone();
            (family.name, family.help, family.unit) = (name, help, String::new());
            let one = family.series[0].clone();
            family.series.clear();
            let label = any_name(random, "l");
            for value in 0..=random.below(3) {
                let mut series = one.clone();
                let value = format!("{value}{}", any_text(random));
                series.labels = [(label.clone(), value)].into_iter().collect();
                match &mut series.value {
                    Value::Histogram(histogram) => {
                        histogram.sum = any_number(random);
                        let (mut bound, mut count) = (f64::from(random.below(5) == 0), 0);
                        let last = histogram.buckets.len() - 1;
                        for bucket in &mut histogram.buckets[..last] {
                            bound += 1.0
                                / (1.0
                                    + f64::from(u16::try_from(random.below(999)).expect("small")));
                            count += random.below(1 << 40);
                            (bucket.le, bucket.count) = (bound, count);
                        }
                        histogram.buckets[last].count = count + random.below(9);
                    }
                    Value::Summary(summary) => {
                        (summary.sum, summary.count) = (any_number(random), random.below(1 << 50));
                    }
                    other => panic!("{other:?}"),
                }
                family.series.push(series);
            }
            return family;
        }
    };
    let labels: Vec<String> =
        ["x", "y", "z"][random.index(4)..].iter().map(|stem| any_name(random, stem)).collect();
    for nth in 0..=random.below(3) {
        let mut values: Vec<(&str, String)> =
            labels.iter().map(|label| (&**label, any_text(random))).collect();
        let nth = nth.to_string();
        values.push(("nth", nth));
        let values: Vec<(&str, &str)> = values.iter().map(|(l, v)| (*l, &**v)).collect();
        let number = match family.kind {
            MetricType::Counter => any_number(random).abs(),
            MetricType::Info => 1.0,
            _ => any_number(random),
        };
        let number =
            if family.kind == MetricType::Counter && number.is_nan() { 0.5 } else { number };
        family = family.with_series(&values, number);
    }
    family
}

/// The samples of a family in any format, in its own names: suffix, labels, value.
fn samples(family: &MetricFamily) -> Vec<serde_json::Value> {
    let bits = |number: f64| format!("{:016x}", number.to_bits());
    let mut samples = Vec::new();
    for series in &family.series {
        let labels: BTreeMap<String, String> = series.labels.clone().into_iter().collect();
        let mut add = |suffix: &str, more: Option<f64>, value: f64| {
            let mut labels = labels.clone();
            labels.extend(more.map(|bound| ("le".to_owned(), bits(bound))));
            samples.push(serde_json::json!([suffix, labels, bits(value)]));
        };
        #[expect(clippy::cast_precision_loss, reason = "as formats have it")]
        match &series.value {
            Value::Counter(number) => add("", None, number.as_f64()),
            Value::Gauge(number) => add("", None, *number),
            Value::Summary(summary) => {
                add("_sum", None, summary.sum);
                add("_count", None, summary.count as f64);
            }
            Value::Histogram(histogram) => {
                add("_sum", None, histogram.sum);
                add("_count", None, histogram.count() as f64);
                for bucket in &histogram.buckets {
                    add("_bucket", Some(bucket.le), bucket.count as f64);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    samples
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

#[test]
#[ignore = "needs Python's parsers; tests/run provides them"]
fn whatever_is_written_other_parsers_read_back() {
    let mut random = Random::seeded();
    let seed = random.seed();
    let counted = counted();
    let mut cases = Vec::new();
    let (mut left_out, mut of_all) = (0, 0);
    for _ in 0..150 {
        let families: Vec<MetricFamily> =
            (0..5).map(|number| any_family(&mut random, number, &counted)).collect();
        let snapshot =
            Collector::new().with_families(move || families.clone()).collect().expect("ours");
        let reported: Vec<String> = snapshot.skipped().iter().map(ToString::to_string).collect();
        assert!(reported.is_empty(), "seed {seed}: {reported:?}");
        for format in ["text", "text1", "openmetrics", "protobuf", "json"] {
            let scheme = match format {
                "text" => "underscores",
                "json" => "allow-utf-8",
                _ => *random.pick(&["allow-utf-8", "underscores", "dots", "values"]),
            };
            let accept = match format {
                "text" => "text/plain".to_owned(),
                "text1" => format!("text/plain;version=1.0.0;escaping={scheme}"),
                "openmetrics" => format!("application/openmetrics-text;escaping={scheme}"),
                "protobuf" => format!("{PROTOBUF};escaping={scheme}"),
                _ => "application/json".to_owned(),
            };
            let (packed, created) = (random.below(2) == 0, random.below(2) == 0);
            let mut scrape = Scrape::new().accept(&*accept).created(created);
            if packed {
                scrape = scrape.accept_encoding("gzip");
            }
            let page = snapshot.render(scrape);
            assert!(scheme != "allow-utf-8" || page.left_out().is_empty(), "seed {seed}");
            let shown = snapshot.families().iter().filter(|family| !family.series.is_empty());
            let shown: Vec<&MetricFamily> =
                shown.filter(|family| !page.left_out().contains(&family.name)).collect();
            left_out += page.left_out().len();
            of_all += shown.len();
            let families: Vec<serde_json::Value> = shown
                .iter()
                .map(|family| {
                    serde_json::json!({
                        "name": family.name, "help": family.help, "unit": family.unit,
                        "type": family.kind.to_string(), "samples": samples(family),
                    })
                })
                .collect();
            cases.push(serde_json::json!({
                "format": format, "scheme": scheme, "packed": packed,
                "created": created && format == "openmetrics",
                "page": hexadecimal(page.body()), "families": families,
            }));
        }
    }
    // Names are rarely made equal, and never all of them.
    assert!(left_out * 10 < of_all, "seed {seed}: {left_out} of {of_all}");
    let mut python = Command::new(peer("python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_back.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let text = serde_json::to_vec(&cases).expect("JSON");
    python.stdin.take().expect("a pipe").write_all(&text).expect("Python reads");
    let output = python.wait_with_output().expect("Python ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "HEADCOUNT_SEED={seed}\n{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), cases.len());
}
