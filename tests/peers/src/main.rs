//! headcount beside other metrics libraries: the same work, in one process, in turns.
//!
//! `operations [--quick]` measures recording and prints one table in Markdown; `tests/peers/run`
//! calls it.

mod case;
mod metrics;
mod operations;
mod table;
mod timed;

use std::env;
use std::error::Error;

use headcount_peers::measure;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => operations::print(measure::Effort::FULL),
        ["--quick"] => operations::print(measure::Effort::QUICK),
        _ => Err("operations [--quick]".into()),
    }
}
