use headcount::{Counter, LabelValue, metric};

/// A.
#[metric(name = "a_total")]
fn a<T: LabelValue>(kind: T) -> Counter;

/// B.
#[metric(name = "b_total")]
fn b(kind: impl LabelValue) -> Counter;

/// C.
#[metric(name = "c_total")]
fn c((left, right): (u8, u8)) -> Counter;

/// D.
#[metric(name = "d_total")]
fn d(kind: u8) -> Counter {
    b(kind)
}

/// E.
#[metric(name = "e_total")]
fn e(kind: u8);

/// F.
#[metric(name = "f_total")]
async fn f(kind: u8) -> Counter;

/// G.
#[metric(name = "g_total")]
fn g(#[cfg(test)] kind: u8, size: u8) -> Counter;

/// H.
#[metric(name = "h_total")]
fn h() -> Counter;

struct Shop;

impl Shop {
    /// I.
    #[metric(name = "i_total")]
    fn i(&self, kind: u8) -> Counter;
}

fn main() {}
