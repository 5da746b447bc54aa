//! Our attributes beside those of pyo3: Python calls what `examples/python_module.rs` exports.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

const PROGRAM: &str = r#"
import python_module as module

def fails(call):
    try:
        call()
    except ValueError:
        return
    raise AssertionError("no error")

shop = module.Shop()
assert module.below_pyfunction(2) == 4 and module.above_pyfunction() == 9
assert shop.sell(2) == 2 and shop.sell(3) == 5
fails(lambda: module.below_pyfunction(0))
fails(lambda: module.above_pyfunction(0))
fails(lambda: shop.sell(0))

page = module.page()
def value(family, function):
    return page.split(f'{family}{{function="{function}",module="python_module"}} ')[1].split("\n")[0]

for function, calls, exceptions in [
    ("below_pyfunction", "2", "1"),
    ("above_pyfunction", "2", "1"),
    ("Shop::sell", "3", "1"),
]:
    assert value("function_calls_total", function) == calls, page
    assert value("function_exceptions_total", function) == exceptions, page
assert value("function_calls_total", "Shop::new") == "1", page
"#;

#[test]
fn python_calls_annotated_functions() {
    // cargo builds examples before tests, into the folder beside that of the test.
    let test = env::current_exe().expect("the test's path");
    let built = test.parent().and_then(Path::parent).expect("the profile's folder");
    let library = built.join("examples/libpython_module.so");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::copy(&library, folder.join("python_module.so")).expect("the module is built");
    let ran = Command::new("python3")
        .args(["-c", PROGRAM])
        .env("PYTHONPATH", folder)
        .output()
        .expect("python3 runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
