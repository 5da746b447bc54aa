//! Programs that must not compile, with the messages they get, and programs that must.
//!
//! The messages are those of the compiler that was stable when they were written; another may word
//! its own part otherwise. `TRYBUILD=overwrite cargo test --test attributes_ui` writes them anew:
//! read what it wrote.

#[test]
fn mistakes_get_the_messages_that_are_expected_of_them() {
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}

#[test]
fn what_must_compile_compiles() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

/// The compiler shows the standard library's source where the machine has it (rustup's component
/// `rust-src`), and the next release moves it. What panics in a constant says where it was called
/// (`#[track_caller]`), so that none of it is shown.
#[test]
fn no_message_shows_the_standard_library() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("$RUST"), "{} shows the standard library", path.display());
    }
}

#[test]
fn every_message_belongs_to_a_program() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/fail");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("rs").is_file(), "{} is left over", path.display());
        assert!(path.with_extension("stderr").is_file(), "{} has no message", path.display());
    }
}
