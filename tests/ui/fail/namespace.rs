use headcount::{Counter, counted, metric};

/// A.
#[metric(namespace = "", subsystem = "a-b", name = "a_total")]
static A: Counter;

/// B.
#[metric(namespace = "shop_", name = "b")]
static B: Counter;

/// C.
#[metric(namespace = "headcount", name = "c_total")]
static C: Counter;

/// D.
#[metric(namespace = "shop", name = "d")]
static D: Counter;

/// E.
#[metric(namespace = 3, subsystem, name = "e_total")]
static E: Counter;

#[counted(namespace = "shop")]
fn f() {}

#[counted(namespace = "shop", subsystem = "till", metric = A)]
fn g() {}

#[counted(namespace = "function", name = "calls_total")]
fn h() {}

#[counted(namespace = "shop", name = "i_total")]
#[counted(namespace = "shop", name = "i_total")]
fn i() {}

#[counted(namespace = "shop_", prefix = "till")]
mod block {
    fn j() {}
}

fn main() {
    let _ = (A, B, C, D, E, f(), g(), h(), i());
}
