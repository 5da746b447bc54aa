//! `headcount compact`, `mark-dead` and `clean`: what is done to files of the dead.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

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

/// Damages what is behind a segment's header.
fn spoil(segment: &Path) {
    let spoilt = File::options().write(true).open(segment).expect("ours");
    spoilt.write_all_at(b"damaged!", 0x2040).expect("written");
}

#[test]
fn a_dry_run_lists_what_clean_unreadable_deletes_and_changes_nothing() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    for n in [2, 3, 4] {
        count(directory, n);
    }
    let dead = segments(directory);
    let _living = hold(directory, 1);
    let living = segments(directory).into_iter().find(|name| !dead.contains(name));
    let (living, damaged) = (living.expect("it lives"), &dead[0]);
    for name in [damaged, &living] {
        spoil(&directory.join(name));
    }
    let before = segments(directory);
    // Not that of a living process, and nothing that a compaction can read.
    let dry = ["clean", "--unreadable", "--dry-run"];
    let (code, said, err) = run(command(&dry).arg("--dir").arg(directory));
    let rest = "0 series would be deleted\n1 file would be removed\n";
    assert_eq!((code, said), (Some(0), format!("{damaged}\n{rest}")), "{err}");
    assert_eq!(segments(directory), before);
    // Those of the dead that it can't read stay, and are no numbers.
    let dry = ["clean", "--dead", "--dry-run"];
    let (code, said, err) = run(command(&dry).arg("--dir").arg(directory));
    assert_eq!((code, said.contains(damaged), said.contains(&dead[1])), (Some(0), false, true));
    assert!(err.contains(damaged), "{err}");
    assert_eq!(segments(directory), before);

    let (code, said, err) = run(command(&["clean", "--unreadable", "--dir"]).arg(directory));
    assert_eq!((code, said.as_str()), (Some(0), "0 series deleted\n1 file removed\n"), "{err}");
    assert!(!err.contains(damaged), "{err}");
    let left: Vec<String> = segments(directory);
    assert_eq!((left, names(directory).contains(&format!("{damaged}.bad"))), (vec![living], false));
}

#[test]
fn clean_older_than_compacts_first_and_a_dry_run_knows_it() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path();
    count(directory, 2);
    let dry = || succeeds(&["clean", "--older-than", "0s", "--dry-run"], directory);
    // Its age begins with the compaction, at once.
    assert_eq!(dry(), "0 series would be deleted\n");
    assert_eq!(segments(directory).len(), 1);
    assert_eq!(succeeds(&["clean", "--older-than", "0s"], directory), "0 series deleted\n");
    assert_eq!(segments(directory).len(), 0);
    // What another process has that is dead, too, is younger again.
    let made = |said: &str| said.contains("made_total\n");
    assert!(made(&dry()));
    count(directory, 2);
    assert!(!made(&dry()));
    succeeds(&["clean", "--older-than", "0s"], directory);
    Page::parse(&succeeds(&["show"], directory)).expect("a page").assert(&[("made_total", 6.0)]);
    assert!(made(&dry()));
    succeeds(&["clean", "--older-than", "0s"], directory);
    let page = Page::parse(&succeeds(&["show"], directory)).expect("a page");
    assert_eq!(page.value("made_total"), None);
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
    spoil(&directory.join(&file));
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
