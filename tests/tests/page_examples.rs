//! The examples that show one thing and end: each does what it says, and prints it.

use std::fs;
use std::process::Command;

use headcount_tests::child::Child;
use headcount_tests::gateway::Pushgateway;
use headcount_tests::page::Page;
use headcount_tests::server::example;
use headcount_tests::{Medium, eventually, temporary_directory};
use tempfile::TempDir;

/// What an example prints, and the folder that it takes for that of temporary files, in which
/// nothing of its directory may be left.
fn printed(name: &str, arguments: &[&str]) -> (Vec<String>, TempDir) {
    let folder = temporary_directory(Medium::Memory);
    let mut command = Command::new(example(name));
    command.args(arguments).env("TMPDIR", folder.path()).env_remove("HEADCOUNT_DIR");
    let mut program = Child::start(&mut command);
    assert!(program.wait().success(), "{}", program.output());
    eventually("no process is left", || program.group_is_gone().then_some(()));
    let lines = program.all_output().lines().map(str::to_owned).collect();
    for left in fs::read_dir(folder.path()).expect("ours") {
        let left = left.expect("an entry").path();
        assert!(left.is_file(), "{} is left", left.display());
    }
    (lines, folder)
}

#[test]
fn a_graceful_upgrade_loses_no_request_and_no_count() {
    let (lines, _folder) = printed("graceful_upgrade", &[]);
    let (counts, events): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| line.starts_with("answered by"));
    assert_eq!(
        events,
        [
            "generation 1 serves",
            "generation 2 serves",
            "generation 1 accepts nothing more, and has 1 request in flight",
            "generation 1 has answered it, and has ended",
        ]
    );
    assert_eq!(counts.len(), 2, "{lines:?}");
    for (line, least) in counts.into_iter().zip([101, 200]) {
        let numbers: Vec<u64> = line
            .split([':', ','])
            .filter_map(|part| part.rsplit(' ').next()?.parse().ok())
            .collect();
        // The number of the generation stands in the first part.
        let [_, answered, counted] = numbers[..] else { panic!("{line}") };
        assert_eq!(answered, counted, "{line}");
        assert!(answered >= least, "{line}");
    }
}

#[test]
fn a_batch_job_reports_what_its_killed_process_had_counted() {
    let (lines, folder) = printed("batch", &[]);
    assert_eq!(lines[0], "part 0: exit status: 0");
    assert!(lines[1].starts_with("part 1: signal: 6 (SIGABRT)"), "{lines:?}");
    assert_eq!(lines[2..4], ["part 2: exit status: 0", "250 rows are copied"]);
    let path = lines[4].strip_prefix("written to ").expect("the file");
    assert!(path.starts_with(folder.path().to_str().expect("UTF-8")), "{path}");
    let page = Page::parse(&fs::read_to_string(path).expect("it is there")).expect("a page");
    page.assert(&[("rows_copied_total", 250.0)]);
    assert!(page.value("job_end_timestamp_seconds").is_some_and(|time| time > 1.7e9));
}

#[test]
#[ignore = "needs the peer prometheus-pushgateway"]
fn a_batch_job_pushes_what_its_killed_process_had_counted() {
    let gateway = Pushgateway::start();
    let url = format!("http://{}", gateway.address);
    let (lines, _folder) = printed("batch", &[&url]);
    assert_eq!(lines[3..], ["250 rows are copied", &format!("pushed to {url}")]);
    let page = gateway.page();
    let rows = page.samples.iter().find(|(name, _)| name.starts_with("rows_copied_total{"));
    let (name, rows) = rows.expect("it is there");
    assert!(name.contains("job=\"nightly\"") && (rows - 250.0).abs() < 0.5, "{name} {rows}");
}

#[test]
fn a_sidecar_serves_what_living_and_killed_workers_have_counted() {
    let (lines, _folder) = printed("sidecar", &[]);
    let shown = |dead: u32, live: u32| {
        let mut lines = vec![
            format!("  headcount_processes{{state=\"dead\"}} {dead}"),
            format!("  headcount_processes{{state=\"live\"}} {live}"),
            "  jobs_done_total 6".to_owned(),
        ];
        // Of the living: without one there is none.
        lines.extend((live > 0).then(|| format!("  jobs_taken {live}")));
        lines
    };
    let address = lines[0].split_once("http://").expect("its address").1;
    let expected = [
        vec![format!("two workers, at http://{address}")],
        shown(0, 2),
        vec!["one of them was killed:".to_owned()],
        shown(1, 1),
        vec!["both were killed:".to_owned()],
        shown(2, 0),
    ];
    assert_eq!(lines, expected.concat());
}
