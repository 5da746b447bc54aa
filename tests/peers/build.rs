//! Tells the program by which compiler it was built.

use std::env;
use std::process::Command;

fn main() {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo talks to build scripts through the environment"
    )]
    let compiler = env::var_os("RUSTC").expect("cargo says which");
    let version = Command::new(compiler).arg("--version").output().expect("the compiler runs");
    println!("cargo::rustc-env=BESIDE_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
    println!("cargo::rerun-if-changed=build.rs");
}
