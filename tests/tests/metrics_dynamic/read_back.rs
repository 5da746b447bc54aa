//! Random declarations, compared with what a collection reads.

use std::collections::BTreeMap;

use headcount::{Collector, GaugeMode, MetricType, dynamic};
use headcount_tests::page::Page;
use headcount_tests::random::Random;

/// A declaration as the directory has it, without the place.
type Read = (MetricType, Option<GaugeMode>, String, String, Vec<String>, Buckets);
/// The bounds, and the schema of native ones.
type Buckets = (Vec<f64>, Option<i8>);

/// A name that is right, or has something awkward in it.
pub(crate) fn name(random: &mut Random, endings: &[&str]) -> String {
    const AWKWARD: [&str; 16] = [
        ":", " ", "-", ".", "é", "\n", "\"", "\\", "{", "le", "pid", "__", "total", "\u{0}", "日",
        "0",
    ];
    let mut name = String::new();
    for _ in 0..=random.below(8) {
        let is_awkward = random.below(24) == 0;
        let part = if is_awkward { random.pick(&AWKWARD) } else { random.pick(&["a", "b", "c_d"]) };
        name.push_str(part);
    }
    name.push_str(random.pick::<&str>(endings));
    name
}

#[test]
fn whatever_is_accepted_is_read_back_equal() {
    let mut random = Random::seeded();
    let mut accepted = BTreeMap::<String, Vec<Read>>::new();
    let mut refused = 0;
    for number in 0..3_000_u32 {
        let endings = ["_total", "_total", "_info", "_state", "", "", "_count"];
        let name = format!("random_{number}x{}", name(&mut random, &endings));
        let help = *random.pick(&["Help.", "a\nb\\", "é", " ", "Help."]);
        let labels: Vec<String> =
            (0..random.below(4)).map(|_| self::name(&mut random, &[""])).collect();
        let mode = *random.pick(&[GaugeMode::Sum, GaugeMode::LiveAll, GaugeMode::MostRecent]);
        let bounds: Vec<f64> = (0..random.below(4))
            .map(|_| {
                *random.pick(&[-1.0, 0.0, -0.0, 0.1, 1.0, 2.0, 1e300, f64::INFINITY, f64::NAN])
            })
            .collect();
        let (utf8, foreign) = (random.below(2) == 0, random.below(2) == 0);
        macro_rules! declare {
            ($builder:expr) => {{
                let builder = $builder.labels(&labels);
                let builder = if utf8 { builder.utf8_names() } else { builder };
                let builder = if foreign { builder.foreign() } else { builder };
                builder.register_family().map(|family| family.name())
            }};
        }
        let which = random.below(7);
        let declared = match which {
            0 => declare!(dynamic::counter(&name, help)),
            1 => declare!(dynamic::float_counter(&name, help)),
            2 => declare!(dynamic::gauge(&name, help, mode)),
            3 => declare!(dynamic::histogram(&name, help).buckets(bounds.clone())),
            4 => declare!(dynamic::info(&name, help)),
            // One schema: others would contradict each other.
            6 => declare!(dynamic::histogram(&name, help).native(2)),
            _ => declare!(dynamic::states(&name, help, mode, ["a", "b"])),
        };
        if let Err(error) = declared {
            assert!(error.is_invalid(), "{error}");
            refused += 1;
            continue;
        }
        let kind = match which {
            0 | 1 => MetricType::Counter,
            2 => MetricType::Gauge,
            3 | 6 => MetricType::Histogram,
            4 => MetricType::Info,
            _ => MetricType::StateSet,
        };
        let mode = (which == 2 || which == 5).then_some(mode);
        let mut labels = labels;
        labels.extend((which == 5).then(|| name.clone()));
        labels.sort();
        let bounds = if which == 3 { bounds } else { Vec::new() };
        let bounds = (bounds, (which == 6).then_some(2));
        let read = (kind, mode, help.to_owned(), String::new(), labels, bounds);
        accepted.entry(name).or_default().push(read);
    }
    assert!(accepted.len() > 200 && refused > 200, "{} and {refused}", accepted.len());
    let collector = Collector::new();
    let snapshot = collector.collect().expect("a snapshot");
    assert!(snapshot.skipped().is_empty(), "seed {}: {:?}", random.seed(), snapshot.skipped());
    Page::parse(&snapshot.to_text()).unwrap_or_else(|error| panic!("{error}"));
    let mut there = BTreeMap::<String, Vec<Read>>::new();
    for d in collector.declarations().expect("a list") {
        if d.name.starts_with("random_") {
            let read = (d.kind, d.mode, d.help, d.unit, d.labels, (d.buckets, d.native));
            there.entry(d.name).or_default().push(read);
        }
    }
    assert_eq!(there, accepted, "seed {}", random.seed());
}
