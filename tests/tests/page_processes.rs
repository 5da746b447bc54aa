//! What the kernel says of processes: exact, never falling, and with what the dead have used.

#![allow(clippy::float_cmp, reason = "ticks are counted, and never measured")]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use headcount::{Collector, ProcessMetrics};
use headcount_tests::child::Child;
use headcount_tests::files::text;
use headcount_tests::namespaces::{are_namespaces_allowed, in_namespaces};
use headcount_tests::page::Page;
use headcount_tests::{Medium, SOON, eventually, temporary_directory};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::Signal;
use nix::unistd::{SysconfVar, sysconf};

const CPU: &str = "process_cpu_seconds_total";

fn program(arguments: &[&str]) -> Child {
    Child::start(Command::new(env!("CARGO_BIN_EXE_burner")).args(arguments))
}

/// What `/proc/<pid>/stat` has behind the program's name, from the state on.
fn stat(child: &Child) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.pid())).expect("it is there");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    fields.split_whitespace().map(str::to_owned).collect()
}

/// Ticks that it has used.
fn ticks(child: &Child) -> u64 {
    let stat = stat(child);
    stat[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum()
}

/// Ticks as they are shown.
#[expect(clippy::cast_precision_loss, reason = "few")]
fn seconds(ticks: u64) -> f64 {
    let second = sysconf(SysconfVar::CLK_TCK).expect("ticks").expect("ticks");
    (ticks * (1_000_000_000 / u64::try_from(second).expect("ticks"))) as f64 / 1e9
}

/// Pages in bytes.
fn bytes(pages: &str) -> f64 {
    let page = sysconf(SysconfVar::PAGE_SIZE).expect("a size").expect("a size");
    pages.parse::<f64>().expect("pages") * f64::from(u32::try_from(page).expect("small"))
}

/// A process that has used some time and is stopped: it uses no more.
fn stopped_burner(directory: &Path) -> Child {
    let burner = program(&["burn", text(directory)]);
    eventually("it burns", || (ticks(&burner) >= 5).then_some(()));
    eventually("it has a segment", || {
        let prefix = format!("{}-", burner.pid());
        let ours = |name: String| (name.starts_with(&prefix) && is_segment(&name)).then_some(());
        names(directory).into_iter().find_map(ours)
    });
    stop(&burner);
    burner
}

fn stop(child: &Child) {
    child.signal(Signal::SIGSTOP);
    eventually("it is stopped", || {
        // Its state says so before it has left its processor, where it still uses time.
        let path = format!("/proc/{}/syscall", child.pid());
        let left = fs::read_to_string(path).expect("it is there").trim() != "running";
        (stat(child)[0] == "T" && left).then_some(())
    });
}

fn is_segment(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "hc")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    entries.filter_map(name).collect()
}

/// The page, and what was reported.
fn collected(directory: &Path, shown: ProcessMetrics) -> (Page, Vec<String>) {
    let snapshot =
        Collector::from_directory(directory).process_metrics(shown).collect().expect("a snapshot");
    let reported = snapshot.skipped().iter().map(ToString::to_string).collect();
    (Page::parse(&snapshot.to_text()).expect("a page"), reported)
}

fn page(directory: &Path, shown: ProcessMetrics) -> Page {
    let (page, reported) = collected(directory, shown);
    assert!(reported.is_empty(), "{reported:?}");
    page
}

fn total(directory: &Path) -> f64 {
    page(directory, ProcessMetrics::Sum).at(CPU)
}

#[test]
fn the_total_is_exact_and_the_dead_stay_in_it() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let mut burners: Vec<Child> = (0..3).map(|_| stopped_burner(path)).collect();
    let expected: u64 = burners.iter().map(ticks).sum();
    assert_eq!(total(path), seconds(expected));

    burners[0].kill();
    assert_eq!(total(path), seconds(expected));
    drop(burners);
    assert_eq!(total(path), seconds(expected));
    assert_eq!(total(path), seconds(expected));
    let page = page(path, ProcessMetrics::Sum);
    assert_eq!(page.series("process_resident_memory_bytes"), 0);

    let another = stopped_burner(path);
    assert_eq!(total(path), seconds(expected + ticks(&another)));
    // What was used and never seen is not known.
    let unseen = stopped_burner(path);
    drop(unseen);
    assert_eq!(total(path), seconds(expected + ticks(&another)));
}

#[test]
fn each_process_has_its_own_numbers() {
    let directory = temporary_directory(Medium::Memory);
    let mut burners: Vec<Child> = (0..2).map(|_| stopped_burner(directory.path())).collect();
    let each = page(directory.path(), ProcessMetrics::Each);
    let all = page(directory.path(), ProcessMetrics::Sum);
    let of = |name: &str, child: &Child| each.at(&format!("{name}{{pid=\"{}\"}}", child.pid()));
    for burner in &burners {
        assert_eq!(of(CPU, burner), seconds(ticks(burner)));
        let field = |n: usize| stat(burner)[n].parse::<f64>().expect("a number");
        assert_eq!(of("process_virtual_memory_bytes", burner), field(20));
        assert_eq!(of("process_threads", burner), field(17));
        assert_eq!(of("process_resident_memory_bytes", burner), bytes(&stat(burner)[21]));
        let open = fs::read_dir(format!("/proc/{}/fd", burner.pid())).expect("ours").count();
        assert_eq!(of("process_open_fds", burner), f64::from(u32::try_from(open).expect("few")));
    }
    let both = |name| burners.iter().map(|burner| of(name, burner)).collect::<Vec<f64>>();
    for name in [
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_threads",
        "process_virtual_memory_bytes",
    ] {
        assert_eq!(all.at(name), both(name).iter().sum::<f64>(), "{name}");
    }
    for name in ["process_max_fds", "process_start_time_seconds"] {
        let least = both(name).into_iter().fold(f64::INFINITY, f64::min);
        assert!(least > 0.0);
        assert_eq!(all.at(name), least, "{name}");
    }

    let (first, second) = (burners[0].pid(), burners[1].pid());
    burners[0].kill();
    let each = page(directory.path(), ProcessMetrics::Each);
    assert_eq!(each.value(&format!("{CPU}{{pid=\"{first}\"}}")), None);
    assert!(each.value(&format!("{CPU}{{pid=\"{second}\"}}")).is_some());
}

const RECEIVED: &str = "process_network_receive_bytes_total";
const SENT: &str = "process_network_transmit_bytes_total";

/// What this process's network namespace has received, as the kernel says.
fn received() -> f64 {
    let text = fs::read_to_string("/proc/self/net/netstat").expect("the kernel's");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("IpExt:")).collect();
    let at = lines[0].split(' ').position(|name| name == "InOctets").expect("it is counted");
    lines[1].split(' ').nth(at).expect("a value").parse().expect("a number")
}

#[test]
fn the_network_is_that_of_the_one_namespace_of_all() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = stopped_burner(path);
    let before = received();
    let each = page(path, ProcessMetrics::Each);
    let all = page(path, ProcessMetrics::Sum);
    let after = received();
    let mine = format!("{RECEIVED}{{pid=\"{}\"}}", burner.pid());
    for seen in [each.at(&mine), all.at(RECEIVED)] {
        assert!((before..=after).contains(&seen), "{seen} of {before} to {after}");
    }
    assert!(all.value(SENT).is_some());
    if !are_namespaces_allowed(&["--net"]) {
        return;
    }
    // A second namespace: a sum would fall when it goes.
    let program = env!("CARGO_BIN_EXE_burner");
    let other = Child::start(&mut in_namespaces(&["--net"], &[program, "burn", text(path)]));
    eventually("it counts", || {
        let page = page(path, ProcessMetrics::Each);
        let open = page.value(&format!("process_open_fds{{pid=\"{}\"}}", other.pid()));
        open.is_some().then_some(())
    });
    let each = page(path, ProcessMetrics::Each);
    assert!(each.at(&mine) >= before);
    let theirs = each.value(&format!("{RECEIVED}{{pid=\"{}\"}}", other.pid()));
    assert_eq!(theirs, Some(0.0));
    let all = page(path, ProcessMetrics::Sum);
    assert_eq!((all.value(RECEIVED), all.value(SENT)), (None, None));
    assert!(all.at("process_threads") >= 2.0);
    drop(other);
    let all = page(path, ProcessMetrics::Sum);
    assert!(all.at(RECEIVED) >= before);
}

/// Collectors in several processes look while others burn and are killed, and so is one of them: no
/// number that comes later is less, whoever shows it, and nothing is counted twice.
#[test]
fn the_total_never_falls_for_any_of_several_collectors() {
    const KILLS: usize = 30;
    const LOOKS: usize = 100;
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let watch = || program(&["watch", text(path)]);
    let mut watchers: Vec<Child> = (0..2).map(|_| watch()).collect();
    let mut burners: Vec<Child> = (0..3).map(|_| program(&["burn", text(path)])).collect();
    let mut used = 0;
    let mut outputs = Vec::new();
    // A busy machine runs the two that are never killed less often, so there are more kills then.
    let looks = |watchers: &[Child]| -> usize {
        watchers.iter().map(|watcher| watcher.output().lines().count()).sum()
    };
    let started = Instant::now();
    let mut kills = 0;
    while kills < KILLS || looks(&watchers) < LOOKS {
        assert!(started.elapsed() < SOON, "{kills} kills, {} looks", looks(&watchers));
        kills += 1;
        let mut unlucky = watch();
        burners.push(program(&["burn", text(path)]));
        // Time to burn and to look. Nothing depends on how much.
        thread::sleep(Duration::from_millis(30));
        let mut oldest = burners.remove(0);
        stop(&oldest);
        // To die takes time too, which may be seen before it is over.
        used += ticks(&oldest) + 2;
        oldest.kill();
        unlucky.kill();
        outputs.push(unlucky.all_output());
    }
    for burner in &burners {
        stop(burner);
        used += ticks(burner);
    }
    for watcher in &mut watchers {
        watcher.kill();
        outputs.push(watcher.all_output());
    }

    let mut seen = Vec::new();
    for output in &outputs {
        let mut last = 0.0;
        for line in output.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [began, ended, seconds] = words[..] else { panic!("{line}") };
            // The very first is being written by another.
            if seconds != "-" {
                let seconds: f64 = seconds.parse().expect("a number");
                assert!(seconds >= last, "{seconds} after {last}\n{output}");
                last = seconds;
                let time = |text: &str| text.parse::<u128>().expect("a time");
                seen.push((time(began), time(ended), seconds));
            }
        }
    }
    // Whatever was shown before a look began, in any process, is no more than what it shows.
    let mut by_end = seen.clone();
    by_end.sort_by_key(|(_, ended, _)| *ended);
    seen.sort_by_key(|(began, _, _)| *began);
    let mut before = by_end.iter().peekable();
    let mut most = 0.0;
    for (began, _, seconds) in &seen {
        while let Some((_, _, earlier)) = before.next_if(|(_, ended, _)| ended < began) {
            most = f64::max(most, *earlier);
        }
        assert!(*seconds >= most, "{seconds} after {most}");
    }
    let at_last = total(path);
    assert!(seen.iter().all(|(_, _, seconds)| *seconds <= at_last));
    assert!(at_last > 0.0 && at_last <= seconds(used), "{at_last} of {}", seconds(used));
    // However often one was killed, no more is left behind than the format's description tells.
    let others: Vec<String> = names(path).into_iter().filter(|name| !is_segment(name)).collect();
    let known = ["processes.hcl", ".ledger.lock", ".ledger.tmp"];
    let is_known = |name: &String| known.contains(&name.as_str());
    assert!(others.iter().all(is_known), "{others:?}");
}

/// Threads of one process can't tell each other apart by the file's lock.
#[test]
fn the_total_never_falls_for_threads_of_one_collector() {
    let directory = temporary_directory(Medium::Memory);
    let burners: Vec<Child> = (0..2).map(|_| stopped_burner(directory.path())).collect();
    for burner in &burners {
        burner.signal(Signal::SIGCONT);
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 0.0;
                for _ in 0..100 {
                    // `None`: the first is being written.
                    let shown = page(directory.path(), ProcessMetrics::Sum).value(CPU);
                    let shown = shown.unwrap_or(last);
                    assert!(shown >= last, "{shown} after {last}");
                    last = shown;
                }
                assert!(last > 0.0);
            });
        }
    });
}

#[test]
fn who_comes_while_another_writes_shows_what_was_written() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = stopped_burner(path);
    let before = total(path);
    burner.signal(Signal::SIGCONT);
    let used = ticks(&burner);
    eventually("it burns on", || (ticks(&burner) > used + 3).then_some(()));
    {
        let file = OpenOptions::new().read(true).write(true).open(path.join(".ledger.lock"));
        let file = file.expect("the lock's file");
        lock(&file, nix::libc::F_WRLCK);
        assert_eq!(total(path), before);
        // Nor does it know more where nothing was written yet.
        fs::rename(path.join("processes.hcl"), path.join("kept")).expect("renamed");
        assert_eq!(page(path, ProcessMetrics::Sum).series(CPU), 0);
        fs::rename(path.join("kept"), path.join("processes.hcl")).expect("renamed");
    }
    assert!(total(path) > before);
}

fn lock(file: &File, kind: i32) {
    let lock = nix::libc::flock {
        l_type: i16::try_from(kind).expect("small"),
        l_whence: 0,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).expect("nobody has it");
}

#[test]
fn who_may_not_write_shows_what_others_wrote() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = stopped_burner(path);
    let before = total(path);
    burner.signal(Signal::SIGCONT);
    let used = ticks(&burner);
    eventually("it burns on", || (ticks(&burner) > used + 3).then_some(()));
    // The test may be root, who may write everywhere; but nobody opens a directory for writing.
    fs::remove_file(path.join(".ledger.lock")).expect("removed");
    fs::create_dir(path.join(".ledger.lock")).expect("made");
    assert_eq!(total(path), before);
    fs::remove_file(path.join("processes.hcl")).expect("removed");
    assert!(total(path) > before, "the living, where nobody has written");
    assert!(!path.join("processes.hcl").exists());
}

#[test]
fn a_limit_on_files_ends_no_collector() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = stopped_burner(path);
    let mut watcher = program(&["watch-without-files", text(path)]);
    let output = watcher.all_output();
    assert!(watcher.wait().success(), "{output}");
    let shown = format!(" {}\n", seconds(ticks(&burner)));
    assert_eq!(output.matches(&shown).count(), 2, "{output}");
    assert_eq!(output.matches("skipped: ").count(), 2, "{output}");
    assert!(output.contains("processes.hcl: can't write it"), "{output}");
    assert!(!path.join("processes.hcl").exists());

    // What was written is shown then, as by everyone.
    assert_eq!(total(path), seconds(ticks(&burner)));
    let ledger = fs::read(path.join("processes.hcl")).expect("a ledger");
    burner.signal(Signal::SIGCONT);
    let used = ticks(&burner);
    eventually("it burns on", || (ticks(&burner) > used + 3).then_some(()));
    let mut watcher = program(&["watch-without-files", text(path)]);
    let output = watcher.all_output();
    assert_eq!(output.matches(&format!(" {}\n", seconds(used))).count(), 2, "{output}");
    assert_eq!(fs::read(path.join("processes.hcl")).expect("a ledger"), ledger);
}

#[test]
fn a_bad_ledger_is_reported_and_set_aside() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let ledger = path.join("processes.hcl");
    let burner = stopped_burner(path);
    let expected = total(path);
    let good = fs::read(&ledger).expect("a ledger");

    let mut flipped = good.clone();
    flipped[17] ^= 1;
    let too_long = vec![0; 5 << 20];
    for bad in [&b""[..], b"garbage", &flipped, &good[..70], &too_long] {
        fs::write(&ledger, bad).expect("written");
        let (page, reported) = collected(path, ProcessMetrics::Sum);
        assert_eq!(page.at(CPU), expected);
        assert_eq!(page.at("headcount_files_skipped{reason=\"corrupt\"}"), 1.0);
        assert!(
            reported.len() == 1 && reported[0].contains("processes.hcl: damaged"),
            "{reported:?}"
        );
        assert_eq!(fs::read(path.join("processes.hcl.bad")).expect("put aside"), bad);
        assert_eq!(total(path), expected);
    }

    // One of a later version, and what is no file, are left alone.
    let mut later = good.clone();
    later[8] = 9;
    fs::write(&ledger, &later).expect("written");
    for _ in 0..2 {
        let (page, reported) = collected(path, ProcessMetrics::Sum);
        assert_eq!(page.at(CPU), expected);
        assert!(reported.len() == 1 && reported[0].contains("format 9."), "{reported:?}");
    }
    assert_eq!(fs::read(&ledger).expect("left"), later);
    fs::remove_file(&ledger).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", &ledger).expect("a link");
    let (page, reported) = collected(path, ProcessMetrics::Sum);
    assert_eq!(page.at(CPU), expected);
    assert!(reported.len() == 1 && reported[0].contains("a symbolic link"), "{reported:?}");
    drop(burner);
}

/// A number that was given to another process: the segment of the first looks alive, but that
/// process isn't.
#[test]
fn a_process_is_more_than_its_number() {
    let directory = temporary_directory(Medium::Memory);
    let path = directory.path();
    let burner = stopped_burner(path);
    let name = names(path).into_iter().find(|name| is_segment(name)).expect("a segment");
    let original = File::open(path.join(&name)).expect("a segment");
    let mut head = vec![0; 1 << 16];
    original.read_exact_at(&mut head, 0).expect("the head");
    head[32] ^= 1; // the instance
    head[80] ^= 1; // start_ticks
    let crc = crc32fast::hash(&head[..4092]).to_le_bytes();
    head[4092..4096].copy_from_slice(&crc);
    let copy: PathBuf = path.join(name.replace('-', "-0"));
    let file = OpenOptions::new().create_new(true).read(true).write(true).open(&copy);
    let file = file.expect("a file");
    file.write_all_at(&head, 0).expect("written");
    file.set_len(original.metadata().expect("metadata").len()).expect("a length");
    lock(&file, nix::libc::F_WRLCK);

    let page = page(path, ProcessMetrics::Sum);
    assert_eq!(page.at("headcount_processes{state=\"live\"}"), 2.0);
    assert_eq!(page.at(CPU), seconds(ticks(&burner)));
    assert_eq!(page.at("process_resident_memory_bytes"), bytes(&stat(&burner)[21]));
}

#[test]
fn a_process_without_a_directory_tells_of_itself() {
    let mut alone = Child::start(
        Command::new(env!("CARGO_BIN_EXE_burner"))
            .arg("alone")
            .env_remove("HEADCOUNT_DIR")
            .env_remove("PROMETHEUS_MULTIPROC_DIR")
            .env_remove("prometheus_multiproc_dir"),
    );
    let output = alone.all_output();
    assert!(output.trim().parse::<f64>().is_ok_and(|seconds| seconds < 10.0), "{output}");
}
