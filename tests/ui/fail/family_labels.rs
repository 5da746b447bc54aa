use headcount::{Counter, metric};

/// A.
#[metric(name = "a_total")]
fn a(le: u8, __x: u8) -> Counter;

/// B.
#[metric(name = "b_total")]
fn b(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) -> Counter;

/// C.
#[metric(name = "c")]
fn c(kind: u8) -> u8;

#[metric(name = "d_total")]
fn d(kind: u8) -> Counter;

fn main() {}
