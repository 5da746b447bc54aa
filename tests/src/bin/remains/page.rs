//! What a directory holds, as text, and the files for `tests/golden`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use headcount::{Collector, Number, TraceContext, Value, dynamic};
use headcount_tests::program::{start_in, wait_to_be_killed};
use headcount_tests::{Medium, eventually, files, temporary_directory};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;

use crate::forked;
use crate::metrics::{TRACED, TRACED_SIZE, count, tenant_calls};

/// Everything that is known of what was counted, without what a collector tells of itself. Not as a
/// scraper gets it: that may change, and what is in the files may not.
pub(crate) fn page(directory: &Path) -> String {
    let snapshot =
        Collector::from_directory(directory).auto_compact(false).collect().expect("a snapshot");
    let mut page = String::new();
    for skipped in snapshot.skipped() {
        writeln!(page, "skipped {skipped}").expect("space");
    }
    for family in snapshot.families() {
        if family.name.starts_with("headcount_") || family.series.is_empty() {
            continue;
        }
        let (name, kind) = (&family.name, family.kind);
        writeln!(page, "{kind:?} {name} {:?} {:?}", family.unit, family.help).expect("space");
        for series in &family.series {
            write!(page, "   ").expect("space");
            for (label, value) in &series.labels {
                write!(page, " {label}={value:?}").expect("space");
            }
            write!(page, " {}", value(&series.value)).expect("space");
            if let Some(created) = series.created {
                let since = created.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
                write!(page, " since {}", since.as_nanos()).expect("space");
            }
            page.push('\n');
        }
    }
    page
}

fn value(value: &Value) -> String {
    match value {
        Value::Counter(Number::Integer(n)) => n.to_string(),
        Value::Counter(Number::Float(n)) | Value::Gauge(n) => format!("{n:?}"),
        Value::Summary(summary) => format!("sum {:?} count {}", summary.sum, summary.count),
        Value::Histogram(histogram) => {
            let buckets = histogram.buckets.iter().map(|b| format!("{:?}:{}", b.le, b.count));
            let buckets: Vec<String> = buckets.collect();
            let native = histogram.native.as_ref();
            let native = native.map_or_else(String::new, |native| format!(" {native:?}"));
            format!("sum {:?} buckets {}{native}", histogram.sum, buckets.join(" "))
        }
        other => panic!("something that no golden file has: {other:?}"),
    }
}

/// Records what this version writes: a segment with something of every kind, an archive of three
/// others, and what the two come to.
pub(crate) fn golden(folder: &Path) {
    let directory = temporary_directory(Medium::Memory);
    let directory = directory.path();
    let counts = |n| {
        // The least geometry.
        setrlimit(Resource::RLIMIT_FSIZE, 3 << 20, 3 << 20).expect("less than there was");
        start_in(directory.to_str().expect("UTF-8"));
        count(n);
        tenant_calls("shared").inc_by(n);
        // Versions from 2.5 on have exemplars. A page does not show those of long ago.
        let trace = TraceContext::new([7; 16], [8; 8]);
        TRACED.inc_by_with_exemplar(n, trace);
        TRACED_SIZE.observe_with_exemplar(2.5, trace);
        // A name that only versions from 2.2 on can have.
        let calls = dynamic::counter("rpc.calls_total", "Calls.").labels(["rpc.method"]);
        let calls = calls.declared_at("rpc.toml", 7).utf8_names().register_family();
        calls.expect("right").with_label_values(&["Get"]).inc_by(n);
    };
    let living = forked(|| {
        counts(9);
        wait_to_be_killed();
    });
    eventually("it has counted", || page(directory).contains("tenant=\"shared\" 9 ").then_some(()));
    for n in [1, 4, 14] {
        let child = forked(|| {
            counts(n);
            // Its end is in the archive, since the living one has it.
            assert!(tenant_calls("shared").remove());
        });
        waitpid(child, None).expect("our child");
    }
    assert_eq!(Collector::from_directory(directory).compact().expect("ours").segments(), 3);
    kill(living, Signal::SIGKILL).expect("our child");
    waitpid(living, None).expect("our child");
    let segment = files::segments(directory).remove(0);
    for (name, file) in [("segment.hex", &*segment), ("archive.hex", "archive.hca")] {
        let bytes = fs::read(directory.join(file)).expect("ours");
        fs::write(folder.join(name), files::to_hex(&bytes)).expect("the folder is there");
    }
    fs::write(folder.join("page.txt"), page(directory)).expect("the folder is there");
}
