//! What is measured, in a process of its own.

use std::hint::spin_loop;
use std::time::Duration;

use headcount::{Config, metric};
use headcount_peers::grouped;
use headcount_peers::measure::pin;
use nix::sys::resource::{UsageWho, getrusage};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::Result;
use crate::ticks::{Scale, measured, now};

/// Counted in so many rows.
#[metric(name = "tail_total", max_series = 1_000_000)]
fn rows(row: u32) -> headcount::Counter;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Row {
    row: u32,
}

/// 32 pages of cells.
const SERIES: u32 = 1 << 14;

/// Prints the cells of a table's row.
pub fn measure(is_ours: bool, files: &str, is_new: bool, number: u32) -> Result<()> {
    pin(u32::MAX);
    let scale = Scale::find();
    if is_ours {
        headcount::init(Config::new().directory(files))?;
        if is_new {
            return print(scale, number, Duration::from_micros(20), |n| rows(n).inc());
        }
        let kept: Vec<_> = (0..SERIES).map(rows).collect();
        return print(scale, number, Duration::from_micros(5), |n| kept[place(n)].inc());
    }
    let family = Family::<Row, Counter>::default();
    if is_new {
        return print(scale, number, Duration::from_micros(20), |row| {
            family.get_or_create(&Row { row }).inc();
        });
    }
    let kept: Vec<_> = (0..SERIES).map(|row| family.get_or_create_owned(&Row { row })).collect();
    print(scale, number, Duration::from_micros(5), |n| {
        kept[place(n)].inc();
    })
}

/// In another page than the one before.
fn place(n: u32) -> usize {
    (n.wrapping_mul(513) % SERIES) as usize
}

fn print(scale: Scale, number: u32, every: Duration, mut operation: impl FnMut(u32)) -> Result<()> {
    (0..SERIES.min(number / 10)).for_each(&mut operation);
    // Filled, so that no page of it is touched for the first time while it is measured.
    let mut took = vec![1_u64; number as usize];
    let every = scale.ticks(every);
    let faults = || getrusage(UsageWho::RUSAGE_SELF).map(|usage| usage.minor_page_faults());
    let before = faults()?;
    let mut next = now();
    for (n, took) in (SERIES..).zip(&mut took) {
        *took = measured(|| operation(n));
        // Who was late doesn't hurry afterwards.
        next = now().max(next + every);
        while now() < next {
            spin_loop();
        }
    }
    let faults = faults()? - before;
    took.sort_unstable();
    let of = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let at = (share * took.len() as f64) as usize;
        grouped(scale.nanoseconds(took[at.min(took.len() - 1)]))
    };
    println!(
        "{} | {} | {} | {} | {} | {}",
        grouped(number.into()),
        of(0.5),
        of(0.99),
        of(0.9999),
        of(1.0),
        grouped(u64::try_from(faults)?),
    );
    Ok(())
}
