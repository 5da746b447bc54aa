//! What recording costs, in instructions: they don't depend on the machine's mood, so they can be
//! asserted.

#![cfg(target_arch = "x86_64")]

use std::path::Path;
use std::process::Command;

/// The instructions of a function, in an optimised build.
fn assembly(function: &str, text: &str) -> Vec<String> {
    let begin = format!("\n{function}:\n");
    let (_, body) = text.split_once(&begin).unwrap_or_else(|| panic!("no {function}"));
    let (body, _) = body.split_once(".cfi_endproc").expect("its end");
    let lines = body.lines().map(str::trim);
    let instructions = lines.filter(|line| {
        !line.is_empty() && !line.starts_with('.') && !line.starts_with('#') && !line.ends_with(':')
    });
    instructions.map(str::to_owned).collect()
}

/// The path that is taken when everything is set up: to the first `ret`.
fn hot(instructions: &[String]) -> &[String] {
    let end = instructions.iter().position(|line| line.starts_with("ret")).expect("a return");
    &instructions[..=end]
}

fn optimised_assembly() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hot-path");
    let file = target.join("hot.s");
    let status = Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--offline", "--release", "--package", "headcount-tests"])
        .args(["--bin", "hot", "--target-dir"])
        .arg(&target)
        .args(["--", "-Cdebuginfo=0", "-Ccodegen-units=1"])
        .arg(format!("--emit=asm={}", file.display()))
        .status()
        .expect("cargo runs");
    assert!(status.success());
    std::fs::read_to_string(file).expect("text")
}

#[test]
fn recording_takes_no_lock_makes_no_call_and_is_short() {
    let text = optimised_assembly();
    // `ret` is one of them.
    for (function, at_most) in [("headcount_test_inc", 8), ("headcount_test_counted", 8)] {
        let all = assembly(function, &text);
        let hot = hot(&all);
        assert!(hot.len() <= at_most, "{function}: {} instructions:\n{hot:#?}", hot.len());
        for line in hot {
            let is_call = line.starts_with("call") || line.starts_with("jmp");
            assert!(!is_call && !line.contains("lock"), "{function}: {line}");
        }
    }
    let observe = assembly("headcount_test_observe", &text);
    let locked: Vec<_> = observe.iter().filter(|line| line.contains("lock")).collect();
    assert!(locked.is_empty(), "{locked:?}");
}
