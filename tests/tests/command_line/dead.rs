//! `headcount compact`, `mark-dead` and `clean`: what is done to files of the dead.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use headcount_tests::files::{names, segments};
use headcount_tests::page::Page;
use headcount_tests::{Medium, temporary_directory};

use crate::{command, count, hold, run, succeeds};

#[test]
fn compact_archives_the_dead_and_changes_no_number() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let _living = hold(directory, 1);
    for n in [2, 3] {
        count(directory, n);
    }
    let counted = || {
        let page = Page::parse(&succeeds(&["show"], directory)).expect("a page");
        let mut samples = page.samples;
        samples.retain(|name, _| !name.starts_with("headcount_"));
        samples
    };
    let before = counted();
    let said = succeeds(&["compact"], directory);
    assert_eq!(said, "2 segments compacted; the archive's generation is 1\n");
    assert_eq!(counted(), before);
    assert_eq!(segments(directory).len(), 1);
    let said = succeeds(&["compact"], directory);
    assert_eq!(said, "0 segments compacted; the archive's generation is 1\n");
}

#[test]
fn mark_dead_archives_the_dead_and_not_the_living() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let mut living = hold(directory, 1);
    let pid = living.pid().to_string();
    let alive = format!("nothing done: process {pid} is alive\n");
    assert_eq!(succeeds(&["mark-dead", &pid], directory), alive);
    living.kill();
    assert_eq!(succeeds(&["mark-dead", &pid], directory), "1 segment compacted\n");
    let said = succeeds(&["mark-dead", &pid], directory);
    assert!(said.starts_with(&format!("nothing done: there is no segment of process {pid} ")));
}

#[test]
fn clean_forgets_what_the_options_name() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    let living = hold(directory, 1);
    // Of paths that the living one doesn't have: `/even`.
    count(directory, 2);
    succeeds(&["compact"], directory);
    let even = "requests_total{method=\"post\",path=\"/even\"}";
    let page = || Page::parse(&succeeds(&["show"], directory)).expect("a page");
    assert_eq!(succeeds(&["clean", "--older-than", "1h 30m"], directory), "0 series deleted\n");
    page().assert(&[(even, 1.0), ("made_total", 5.0)]);
    let said = succeeds(&["clean", "--older-than", "0s"], directory);
    assert!(said.ends_with(" series deleted\n") && !said.starts_with("0 "), "{said}");
    assert_eq!(page().value(even), None);
    page().assert(&[("made_total", 5.0)]);

    // Set aside, and removed.
    count(directory, 4);
    let file = segments(directory)
        .into_iter()
        .find(|name| !name.starts_with(&format!("{}-", living.pid())));
    let file = file.expect("the dead one's");
    let spoilt = File::options().write(true).open(directory.join(&file)).expect("ours");
    spoilt.write_all_at(b"damaged!", 0x2040).expect("written");
    let (code, _, err) = run(command(&["compact", "--dir"]).arg(directory));
    assert!(code == Some(0) && err.contains(&file), "{err}");
    assert!(names(directory).contains(&format!("{file}.bad")));
    // What is no segment goes with it; what a dry run lists is still there.
    fs::write(directory.join("stray\x1b.hc"), "something else").expect("ours");
    let said = succeeds(&["clean", "--unreadable", "--dry-run"], directory);
    let listed = format!("{file}.bad\nstray\\u{{1b}}.hc\n0 series would be deleted\n");
    assert_eq!(said, format!("{listed}2 files would be removed\n"));
    let both = [format!("{file}.bad"), "stray\x1b.hc".to_owned()];
    assert!(both.iter().all(|name| names(directory).contains(name)));
    assert_eq!(
        succeeds(&["clean", "--unreadable"], directory),
        "0 series deleted\n2 files removed\n"
    );
    assert!(!both.iter().any(|name| names(directory).contains(name)));

    // Everything of the dead, compacted or not.
    count(directory, 6);
    page().assert(&[("made_total", 12.0)]);
    let before = names(directory);
    let said = succeeds(&["clean", "--dead", "--dry-run"], directory);
    assert!(said.contains("made_total\n") && said.contains(".hc\n"), "{said}");
    assert_eq!(names(directory), before);
    page().assert(&[("made_total", 12.0)]);
    succeeds(&["clean", "--dead"], directory);
    page().assert(&[("made_total", 2.0), ("headcount_processes{state=\"dead\"}", 0.0)]);
    assert_eq!(segments(directory).len(), 1);
}
