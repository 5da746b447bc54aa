//! The protocol by which segments of the dead are compacted into the archive while others scrape,
//! as a model, checked exhaustively.
//!
//! Every interleaving of a compactor that may be killed at each step, a scraper, births and deaths
//! is walked through. The property: a scrape that completes counts every segment that was complete
//! before it began exactly once, and no other twice. The protocol's simpler relatives are here as
//! well, each with the loss or the double count that it leads to.
//!
//! Generations are kept as distances to the newest one, cut where the protocol no longer tells them
//! apart: so there is no last generation, and the states are all that there are. A generation may
//! compact nothing: that stands for what it does to segments which are not in the model. Compactors
//! share a lock that the kernel drops with its holder, so a compactor that was killed and started
//! again is all of them.
//!
//! What it takes for granted: `rename` and `unlink` are atomic; a listing shows what is there from
//! its beginning to its end, and may or may not show the rest; dead is final; what a dead segment
//! holds doesn't change.

#![allow(clippy::print_stdout, reason = "tells how much was looked at")]

mod model;

use rustc_hash::FxHashSet;

use crate::model::{Broken, Rules, State};

/// A state that follows, and what a scrape that ended there has found.
struct Outcome {
    state: State,
    completed: bool,
    wrong: Option<&'static str>,
}

/// What is known after all states were looked at, or the first wrong one.
struct Checked {
    states: usize,
    scrapes: usize,
    /// What is wrong, and the shortest way there.
    violation: Option<String>,
}

/// Breadth first, so that the first violation has the shortest way.
fn check(segments: usize, rules: Rules) -> Checked {
    let first = State::first(segments);
    // Millions of small keys: the standard hash is ten times the work.
    let mut known = FxHashSet::<u128>::default();
    known.insert(first.key());
    // Each state with the place of the one before it.
    let mut states = vec![(first, 0_usize, "")];
    let mut scrapes = 0;
    let mut at = 0;
    while at < states.len() {
        let state = states[at].0.clone();
        let mut violation = None;
        state.successors(rules, &mut |step, outcome| {
            scrapes += usize::from(outcome.completed);
            if violation.is_none() {
                violation = outcome.wrong.map(|wrong| (step, wrong));
            }
            if known.insert(outcome.state.key()) {
                states.push((outcome.state, at, step));
            }
        });
        if let Some((step, wrong)) = violation {
            let violation = Some(format!("{}- {step}, and {wrong}", way(&states, at)));
            return Checked { states: states.len(), scrapes, violation };
        }
        at += 1;
    }
    Checked { states: states.len(), scrapes, violation: None }
}

fn way(states: &[(State, usize, &'static str)], mut at: usize) -> String {
    let mut steps = Vec::new();
    while at != 0 {
        steps.push(states[at].2);
        at = states[at].1;
    }
    steps.iter().rev().fold(String::new(), |way, step| way + "- " + step + "\n")
}

#[track_caller]
fn holds(segments: usize, kept: u8) {
    let checked = check(segments, Rules { kept, broken: Broken::Nothing });
    println!(
        "{segments} segments, {kept} generations kept: {} states, {} completed scrapes",
        checked.states, checked.scrapes
    );
    if let Some(violation) = checked.violation {
        panic!("the protocol is wrong:\n{violation}");
    }
    // Far below what is there, and far above what a model that got stuck would have.
    assert!(checked.states > 5_000 && checked.scrapes > 500, "hardly anything was looked at");
}

#[track_caller]
fn fails(kept: u8, broken: Broken, how: &str) {
    let checked = check(2, Rules { kept, broken });
    let violation = checked.violation;
    let violation = violation.unwrap_or_else(|| panic!("{broken:?} is not found out, {kept} kept"));
    println!("{broken:?}, {kept} kept, after {} states:\n{violation}\n", checked.states);
    assert!(violation.ends_with(how), "{broken:?}: {violation}");
}

#[test]
fn two_segments_are_counted_once_however_long_tombstones_are_kept() {
    for kept in 0..=4 {
        holds(2, kept);
    }
}

#[test]
fn three_segments_are_counted_once() {
    for kept in 0..=1 {
        holds(3, kept);
    }
}

#[test]
fn without_tombstones_a_killed_compactors_segments_count_twice() {
    for kept in 0..=4 {
        fails(kept, Broken::NoTombstones, "counts a segment twice");
    }
}

#[test]
fn unlinking_before_the_rename_loses() {
    for kept in 0..=4 {
        fails(kept, Broken::UnlinkFirst, "loses a segment");
    }
}

#[test]
fn reading_the_archive_first_loses() {
    // With none kept, every rename since then starts the scrape again.
    for kept in 1..=4 {
        fails(kept, Broken::ArchiveFirst, "loses a segment");
    }
}

#[test]
fn counting_a_tombstones_age_from_the_compaction_counts_twice() {
    // With none kept, the two ages come to the same.
    for kept in 1..=4 {
        fails(kept, Broken::AgeFromCompaction, "counts a segment twice");
    }
}

#[test]
fn not_looking_at_the_generation_counts_twice() {
    for kept in 0..=4 {
        fails(kept, Broken::NoGenerationCheck, "counts a segment twice");
    }
}
