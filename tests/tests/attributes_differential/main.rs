//! An attribute never changes a program: generated functions are compiled without attributes and
//! with each set of them, and do the same: what they return, in which order they drop what, how
//! they unwind and what lints say of them.
//!
//! ```text
//! HEADCOUNT_SEED=7 HEADCOUNT_CASE=2021/17    repeats one function of a run
//! HEADCOUNT_CASES=500                        so many functions of each edition; otherwise 80,
//!                                            which are 500 functions, and 4,000 with attributes
//! HEADCOUNT_KIND=unused_mut                  shows differences of this kind, known ones as well
//! HEADCOUNT_SHOWN=3                          at most so many kinds
//! ```

mod attributes;
mod body;
mod case;
mod compare;
mod compile;
mod generate;
mod known;
mod parameters;
mod program;
mod returns;
mod shrink;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;

use headcount_tests::random::Random;

use attributes::SETS;
use case::{Case, EDITIONS};
use compare::{Difference, compare};
use compile::{Compiler, say};
use known::KNOWN;

#[expect(clippy::disallowed_methods, reason = "what is tried, and how much of it")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn generated_functions_do_the_same_with_attributes() {
    let seed = Random::seeded().seed();
    let compiler = Compiler::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential"));
    let long = variable("HEADCOUNT_LONG").is_some();
    let count = variable("HEADCOUNT_CASES").map(|count| count.parse().expect("a number"));
    let count: usize = count.unwrap_or(if long { 400 } else { 80 });
    let only = variable("HEADCOUNT_CASE");
    let of = |edition: &'static str| -> Vec<Case> {
        let wanted =
            |id: &usize| only.as_ref().is_none_or(|only| *only == format!("{edition}/{id}"));
        (0..count.max(1)).filter(wanted).map(|id| generate::case(edition, id, seed)).collect()
    };
    // Clippy takes as long as all else, so it looks at one edition at a time.
    let with_clippy = EDITIONS[usize::try_from(seed % 4).expect("an index")];
    let compiler = &compiler;
    let found: Vec<(Case, Difference)> = thread::scope(|scope| {
        let running: Vec<_> = EDITIONS
            .into_iter()
            .map(|edition| {
                let cases = of(edition);
                let clippy = long || only.is_some() || edition == with_clippy;
                scope.spawn(move || compare(compiler, edition, cases, clippy))
            })
            .collect();
        running.into_iter().flat_map(|running| running.join().expect("compared")).collect()
    });
    report(compiler, seed, found);
}

/// Shows the smallest function of each kind of difference, and fails if there is one.
fn report(compiler: &Compiler, seed: u64, found: Vec<(Case, Difference)>) {
    let mut kinds: BTreeMap<String, Vec<(Case, Difference)>> = BTreeMap::new();
    for (case, difference) in found {
        kinds.entry(difference.kind()).or_default().push((case, difference));
    }
    for (kind, found) in &kinds {
        let sets: BTreeSet<_> = found.iter().map(|(_, difference)| difference.set.name).collect();
        say(&format!("== {} times: {kind}; {sets:?}", found.len()));
    }
    let most = variable("HEADCOUNT_SHOWN").map_or(12, |shown| shown.parse().expect("a number"));
    let wanted = variable("HEADCOUNT_KIND");
    kinds.retain(|kind, _| match &wanted {
        // What is known as well, to look at it again.
        Some(wanted) => wanted.split(',').any(|part| kind.contains(part)),
        None => !KNOWN.iter().any(|(known, _)| kind.starts_with(known)),
    });
    let total = kinds.len();
    for (kind, found) in kinds.into_iter().take(most) {
        // With the fewest attributes.
        let of = |set| SETS.iter().position(|known| std::ptr::eq(known, set));
        let least = found.into_iter().min_by_key(|(_, difference)| of(difference.set));
        let (case, difference) = least.expect("one at least");
        let (edition, id) = (case.edition, case.id);
        let (small, difference) = shrink::smallest(compiler, case, difference);
        say(&format!(
            "\n==== {kind}\nHEADCOUNT_SEED={seed} HEADCOUNT_CASE={edition}/{id} cargo test -p \
             headcount-tests --test attributes_differential\nedition {edition}, with {}\n{}\n{}",
            difference.set.name,
            small.module(difference.set),
            difference.said
        ));
    }
    assert_eq!(total, 0, "kinds of differences, see above");
}
