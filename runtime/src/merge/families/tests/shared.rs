//! Tests what segments share: layouts, sums of cells, and plans.

use crate::merge::part::Part;
use crate::merge::plan::Plans;
use crate::merge::totals::logs;

use super::*;

/// Pseudo-random numbers below a bound, the same in each run.
fn random(mut state: u64) -> impl FnMut(u32) -> u32 {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from((state >> 33) % u64::from(below)).unwrap()
    }
}

#[test]
fn segments_that_share_a_layout_are_added_as_if_they_did_not() {
    let named = || {
        let sizes = family("h", Encoding::Histogram, &[1.0_f64.to_bits()]);
        let times = family("n", Encoding::NanosHistogram, &[1_000_000_000]);
        let spent = family("f", Encoding::FloatCounter, &[]);
        let highest = LogFamily { name: "m".to_owned(), ..gauge(GaugeMode::LiveMax) };
        vec![counter("c"), gauge(GaugeMode::All), highest, sizes, times, spent]
    };
    let parts = |share: bool| {
        let mut parts: Vec<Part> = (1..5_u32)
            .map(|pid| {
                let n = f64::from(pid);
                let value = n.to_bits() ^ UNSET;
                // The histogram of nanoseconds: 2^63 and 1 in its two words, and a bucket that is
                // fuller than any program's. The counter of `f64`: a negative value, which does not
                // count.
                let sums = [(n / 8.0).to_bits(), 1, 0, 1 << 63, 1, u64::MAX, 0, (-n).to_bits()];
                let own = [&[u64::from(pid), value, value], &sums[..]].concat();
                let thread = [10, 0, 0, 0.2_f64.to_bits(), 0, 1, 0, 0, 3, 4, 0.1_f64.to_bits()];
                part(pid, named(), &[&own, &thread])
            })
            .collect();
        parts[3].life = Life::Dead;
        // This segment is not added with the others: it has removed its counter.
        log_of(&mut parts[2]).removed = Removed::of(1, 1, 0);
        if share {
            let layout = Arc::clone(&parts[0].segment.log.layout);
            for part in &mut parts {
                log_of(part).layout = Arc::clone(&layout);
            }
        }
        parts
    };
    let (shared, apart) = (merged(parts(true)), merged(parts(false)));
    assert_eq!(shared, apart);
    let value = |name: &str| {
        let family = shared.0.iter().find(|family| family.name == name).unwrap();
        (family.series.len(), &family.series.last().unwrap().value)
    };
    assert_eq!(value("c"), (1, &Value::Counter(Number::Integer(50))));
    assert_eq!(value("f"), (1, &Value::Counter(Number::Float(0.4))));
    assert_eq!(value("g").0, 4);
    assert_eq!(value("m"), (1, &Value::Gauge(3.0)));
    let (_, Value::Histogram(sizes)) = value("h") else { panic!() };
    assert_eq!((sizes.sum.to_bits(), sizes.count()), (2.05_f64.to_bits(), 8));
    let (_, Value::Histogram(times)) = value("n") else { panic!() };
    // Four times 2^63 ns and four times 2^64 ns.
    #[expect(clippy::cast_precision_loss, reason = "exact")]
    let expected = (6_u128 << 64) as f64 / 1e9;
    assert_eq!(times.sum.to_bits(), expected.to_bits());
    assert_eq!((times.buckets[0].count, times.count()), (u64::MAX, u64::MAX));
}

#[test]
fn the_cells_of_many_processes_come_to_their_sums() {
    let mut random = random(11);
    for _ in 0..if cfg!(miri) { 5 } else { 300 } {
        let histogram = family("h", Encoding::NanosHistogram, &[1, 2]);
        let families = vec![counter("c"), histogram];
        // Gaps as in a forged log, and shards that end anywhere.
        let mut layout = Layout::default();
        let mut end = 1;
        for _ in 0..random(40) {
            let (family, gap) = (random(2) as usize, random(3) * random(9));
            let slot = end + gap;
            add_series(&mut layout, (family, slot, (slot, 1)), &[]);
            end = slot + families[family].width;
        }
        layout.families = families.clone();
        layout.index();
        let layout = Arc::new(layout);
        let parts: Vec<Part> = (1..2 + random(5))
            .map(|pid| {
                let mut part = part(pid, families.clone(), &[&[]]);
                let shards = (0..random(4)).map(|_| {
                    let value = |n| [0, 1, 1 << 63, u64::MAX, u64::from(n)][n as usize % 5];
                    ShardCells::of(
                        &(0..random(end + 1)).map(|_| value(random(1_000))).collect::<Vec<_>>(),
                    )
                });
                part.segment.shards = shards.collect();
                log_of(&mut part).layout = Arc::clone(&layout);
                part
            })
            .collect();
        let logs = logs(&parts);
        let [log] = &logs[..] else { panic!("{}", logs.len()) };
        for series in &layout.series {
            for offset in 0..families[series.family as usize].width {
                let at = (series.slot + offset) as usize;
                let shards = parts.iter().flat_map(|part| &part.segment.shards);
                let cells = shards.filter_map(|shard| shard.get(at));
                let sum: u128 = cells.map(u128::from).sum();
                let (sum_of_all, carries) = log.sum(series.slot, offset);
                assert_eq!(u128::from(carries) << 64 | u128::from(sum_of_all), sum, "{at}");
            }
        }
    }
}

#[test]
fn a_plan_serves_its_own_series_only_whoever_comes_and_goes() {
    let mut random = random(5);
    let kinds = [
        family("m", Encoding::Counter, &[]),
        family("m", Encoding::FloatCounter, &[]),
        LogFamily { name: "m".to_owned(), ..gauge(GaugeMode::Max) },
        LogFamily { name: "m".to_owned(), ..gauge(GaugeMode::All) },
    ];
    let labels = [&["x"][..], &["x", "y"], &["y", "x"], &["z"], &[]];
    let mut shown = BTreeSet::new();
    for _ in 0..if cfg!(miri) { 2 } else { 40 } {
        // Programs that declare one name in several ways, with some equal and some different
        // series.
        let mut layouts = Vec::new();
        for _ in 0..3 {
            let mut layout = Layout::default();
            for id in 0..=random(3) as usize {
                let labels = labels[random(5) as usize].iter().map(|name| (*name).to_owned());
                let labels: Vec<String> = labels.collect();
                let kind = kinds[if random(4) > 0 { 0 } else { random(4) as usize }].clone();
                for _ in 0..=random(4) {
                    let slot = u32::try_from(layout.series.len()).unwrap() + 1;
                    let from = layout.labels.len();
                    let values: Vec<&str> =
                        labels.iter().map(|_| ["", "1", "2", "3"][random(4) as usize]).collect();
                    add_series(&mut layout, (id, slot, (slot, 1)), &values);
                    layout.labels[from..].sort_by_key(|label| &labels[usize::from(label.name)]);
                }
                layout.families.push(LogFamily { labels, ..kind });
            }
            layout.index();
            layouts.push(Arc::new(layout));
        }
        let (mut plans, mut archive) = (Plans::new(), Archive::default());
        let mut parts: Vec<Part> = Vec::new();
        for pid in 1..if cfg!(miri) { 5 } else { 40 } {
            let layout = &layouts[random(3) as usize];
            let cells: Vec<u64> = (0..layout.series.len()).map(|_| u64::from(random(9))).collect();
            let mut part = part(pid, vec![counter("m"); layout.families.len()], &[&cells]);
            log_of(&mut part).layout = Arc::clone(layout);
            if random(5) == 0 {
                log_of(&mut part).removed = Removed::of(1 + random(4), 1, u64::from(random(50)));
            }
            parts.insert(random(1 + u32::try_from(parts.len()).unwrap()) as usize, part);
            match random(6) {
                0 => {
                    parts.remove(random(u32::try_from(parts.len()).unwrap()) as usize);
                }
                1 => {
                    let mut dead = parts.split_off(parts.len() / 2);
                    for part in &mut dead {
                        part.life = Life::Dead;
                    }
                    archive = compacted(archive, &dead, &parts);
                }
                2 => archive = Archive::default(),
                _ => {}
            }
            // Asserts that the plans make no difference.
            shown.insert(format!("{:?}", merged_after(&parts, &archive, &mut plans)));
        }
    }
    assert!(cfg!(miri) || shown.len() > 500, "only {} differ", shown.len());
}
