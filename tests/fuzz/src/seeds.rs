//! Makes what the fuzzers begin with, of files that versions of the library have really written.
//!
//! ```text
//! seeds <golden> <corpus>
//! ```
//!
//! `<golden>` is the folder of the versions. Each target gets a folder in `<corpus>`.

use std::fs;
use std::path::Path;

use headcount_fuzz::{COMPACT, PYTHON_SEAL, SEAL, segment_seed};
use headcount_tests::files::{from_hex, names};

const ACCEPTED: [&str; 5] = [
    "",
    "text/plain;version=0.0.4",
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.25,*/*;q=0.1",
    "application/openmetrics-text; version=\"1.0.0\"; charset=utf-8",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7",
];

/// The entries of a file of each name.
const PYTHON_KEYS: [&[&str]; 8] = [
    &[r#"["c", "c_total", {"a": "\u00e9", "b": ""}, "C."]"#, r#"["d", "d_total", {}, "D."]"#],
    &[r#"["g", "g", {}, "G."]"#, r#"["g", "g", {"pid": "1"}, "G."]"#],
    &[r#"["g", "g", {}, "G."]"#],
    &[r#"["g", "g", {"\ud83d\ude00": "\n"}, "G."]"#],
    &[r#"["g", "g", {}, "G."]"#],
    &[r#"["g", "g", {}, "G."]"#],
    &[
        r#"["h", "h_sum", {}, "H."]"#,
        r#"["h", "h_bucket", {"le": "1.0"}, "H."]"#,
        r#"["h", "h_bucket", {"le": "+Inf"}, "H."]"#,
    ],
    &[r#"["s", "s_count", {"a": "x"}, "S."]"#, r#"["s", "s_sum", {"a": "x"}, "S."]"#],
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [golden, corpus] = &arguments[..] else { panic!("seeds <golden> <corpus>") };
    let (golden, corpus) = (Path::new(golden), Path::new(corpus));
    let put = |target: &str, name: &str, seed: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), seed).expect("space");
    };
    for version in names(golden).iter().filter(|name| golden.join(name).is_dir()) {
        let read = |name: &str| {
            let text = fs::read_to_string(golden.join(version).join(name));
            from_hex(&text.expect("it is there"))
        };
        put("segment", version, &segment_seed(&read("segment.hex")));
        let archive = read("archive.hex");
        put("archive", version, &[&[SEAL | COMPACT], &archive[..]].concat());
    }
    // An empty one, and one with an entry of nobody's.
    for entries in [0_u8, 1] {
        let mut ledger = vec![SEAL];
        ledger.extend_from_slice(b"HCLED\r\n\x1a");
        ledger.extend_from_slice(&[1, 0, 0, 0, entries, 0, 0, 0]);
        ledger.resize(1 + 64 + 64 * usize::from(entries), 0);
        put("ledger", &format!("{entries}"), &ledger);
    }
    for (number, width) in [8, 16].into_iter().enumerate() {
        for (name, of) in PYTHON_KEYS.iter().enumerate() {
            let mut file = vec![PYTHON_SEAL | u8::try_from(name).expect("eight")];
            file.extend_from_slice(&[0; 8]);
            for (value, key) in of.iter().enumerate() {
                file.extend_from_slice(&u32::try_from(key.len()).expect("short").to_le_bytes());
                file.extend_from_slice(key.as_bytes());
                file.extend_from_slice(&b"        "[..8 - (4 + key.len()) % 8]);
                file.extend_from_slice(&f64::from(u8::try_from(value).expect("few")).to_le_bytes());
                file.extend_from_slice(&1.7e9_f64.to_le_bytes()[..width - 8]);
            }
            put("python", &format!("{number}-{name}"), &file);
        }
    }
    for (number, accept) in ACCEPTED.iter().enumerate() {
        put("accept", &format!("{number}"), accept.as_bytes());
    }
}
