//! Programs that declare so many metrics as statics. Their source is generated and built, since a
//! program has the declarations that it was compiled with.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// What each of them does: the directory is its argument.
const MAIN: &str = r#"
fn clock(clock: nix::time::ClockId) -> f64 {
    let time: std::time::Duration = nix::time::clock_gettime(clock).expect("it is there").into();
    time.as_secs_f64() * 1e6
}

fn main() {
    let before_main = clock(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
    let directory = std::env::args_os().nth(1).expect("a directory");
    let running = || clock(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    let began = running();
    headcount::init(headcount::Config::new().directory(directory)).expect("a fit directory");
    let ready = running();
    DECLARED_0.inc();
    println!("{} {} {}", before_main, ready - began, running() - ready);
}
"#;

/// Builds a program for each number of declarations, below `target`.
pub fn programs(target: &Path, numbers: &[u32]) -> Result<Vec<PathBuf>> {
    let folder = target.join("declared");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runtime = fs::canonicalize(here.join("../../runtime"))?;
    fs::create_dir_all(folder.join("src/bin"))?;
    let manifest = format!(
        "[package]\nname = \"declared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nheadcount = {{ path = \"{}\" }}\n\
         nix = {{ version = \"0.31.3\", features = [\"time\"] }}\n",
        runtime.display()
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    // The versions that the other comparisons are with.
    fs::copy(here.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    numbers.iter().map(|number| program(&folder, *number)).collect()
}

fn program(folder: &Path, number: u32) -> Result<PathBuf> {
    let mut source = String::from("use headcount::{Counter, metric};\n");
    for n in 0..number {
        write!(
            source,
            "/// One of many.\n#[metric(name = \"declared_{n:05}_total\")]\n\
             static DECLARED_{n}: Counter;\n"
        )?;
    }
    source += MAIN;
    let name = format!("declared-{number}");
    let file = folder.join(format!("src/bin/{name}.rs"));
    // Written only if it changed: what is built stays built.
    if fs::read_to_string(&file).ok().as_ref() != Some(&source) {
        fs::write(&file, source)?;
    }
    let target = folder.join("target");
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--bin", &name, "--target-dir"])
        .arg(&target)
        .current_dir(folder)
        .status()?;
    if !status.success() {
        return Err(format!("{name} does not build").into());
    }
    Ok(target.join("release").join(name))
}
