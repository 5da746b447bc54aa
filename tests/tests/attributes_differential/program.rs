//! Writes programs: each case with each set of attributes, and a `main` that runs them.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::attributes::Set;
use crate::case::Case;

/// All lints that say something of functions, whatever their level is by default.
const LINTS: &str = "
#![allow(unknown_lints, renamed_and_removed_lints)]
#![warn(
    closure_returning_async_block, dead_code, elided_lifetimes_in_paths,
    explicit_outlives_requirements, if_let_rescope, impl_trait_overcaptures,
    impl_trait_redundant_captures, keyword_idents, let_underscore_drop,
    missing_debug_implementations, missing_docs, redundant_lifetimes, rust_2018_idioms,
    rust_2021_incompatible_closure_captures, single_use_lifetimes, tail_expr_drop_order,
    trivial_casts, trivial_numeric_casts, unit_bindings, unnameable_types, unreachable_pub,
    unsafe_op_in_unsafe_fn, unused, unused_lifetimes, unused_qualifications, unused_results,
    variant_size_differences
)]
extern crate headcount;
extern crate observed;
";

/// Runs all cases but those that it is told to leave out, and prints the log of each.
const MAIN: &str = r#"
fn main() {
    observed::watch_panics();
    let skipped: Vec<String> = std::env::args().skip(1).collect();
    for &(name, run) in RUNS {
        if skipped.iter().any(|skipped| skipped == name) { continue; }
        println!("\n>{}", name);
        let run = std::panic::AssertUnwindSafe(run);
        let _ = std::panic::catch_unwind(|| run());
        for line in observed::take_log() { println!("{}", line); }
    }
}
"#;

/// Whether a set's case is in the program.
pub(crate) type Keep<'a> = &'a dyn Fn(&Set, &Case) -> bool;

/// Where the cases stand: the same lines in the files of all sets.
pub(crate) type Places = Vec<(usize, Range<u64>)>;

/// Writes a program whose sets are files of their own.
pub(crate) fn write(folder: &Path, sets: &[&Set], cases: &[Case], keep: Keep<'_>) -> Places {
    fs::create_dir_all(folder).expect("a folder for the program");
    let mut places = Vec::new();
    let mut main = String::from(LINTS);
    let mut table = String::new();
    for set in sets {
        let name = set.name;
        let _ = writeln!(main, "pub mod {name};");
        let mut text = String::new();
        let mut line = 1;
        places.clear();
        for case in cases {
            let module = case.module(set);
            let lines = u64::try_from(module.lines().count()).expect("few lines");
            places.push((case.id, line..line + lines));
            line += lines;
            if keep(set, case) {
                text += &module;
                let case = case.name();
                let _ = writeln!(table, "(\"{name} {case}\", {name}::{case}::run),");
            } else {
                text += &"\n".repeat(module.lines().count());
            }
        }
        fs::write(folder.join(name).with_extension("rs"), text).expect("written");
    }
    let _ = writeln!(main, "const RUNS: &[(&str, fn())] = &[{table}];{MAIN}");
    fs::write(folder.join("main.rs"), main).expect("written");
    places
}
