//! The Python package, and scripts that are run with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::{Medium, peer, temporary_directory};

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace")
}

/// The folder that has the package `headcount`, built from the sources as they are.
pub fn package() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let script = workspace().join("tests/python/package");
        let output = Command::new(script).stderr(Stdio::inherit()).output().expect("bash runs");
        assert!(output.status.success(), "the package is built");
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}

/// A Python with servers, that can import the package, and knows of no directory yet.
pub fn python() -> Command {
    let mut python = Command::new(peer("python-with-servers"));
    python
        .env("PYTHONPATH", package())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("HEADCOUNT_DIR")
        .env_remove("PROMETHEUS_MULTIPROC_DIR")
        .env_remove("prometheus_multiproc_dir");
    python
}

/// Runs the tests in a file of `tests/python`, which `unittest` finds.
pub fn run(file: &str) {
    run_with(file, &[]);
}

/// The same, with these environment variables. Returns what was printed, such as what was left out.
pub fn run_with(file: &str, variables: &[(&str, &Path)]) -> String {
    let directory = temporary_directory(Medium::Memory);
    let output = python()
        .arg(workspace().join("tests/python").join(file))
        .env("TMPDIR", directory.path())
        .envs(variables.iter().copied())
        .output()
        .expect("python runs");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "{file}:\n{printed}");
    let ran = printed.lines().any(|line| line.starts_with("Ran ") && !line.starts_with("Ran 0 "));
    assert!(ran, "{file} has tests:\n{printed}");
    printed
}
