use headcount::{Histogram, metric};

/// A.
#[metric(name = "a_bytes", unit = "bytes")]
static BYTES: Histogram;

/// B.
#[metric(name = "milliseconds", unit = "")]
static MILLISECONDS: Histogram;

/// C.
#[metric(namespace = "c", name = "seconds")]
static SECONDS: Histogram;

type Alias = Histogram;

/// D.
#[metric(name = "d_ratio")]
static ALIAS: Alias;

/// E.
#[metric(name = "e_seconds")]
static ALIAS_IN_SECONDS: Alias;

/// F.
#[metric(name = "f.size", utf8_names)]
fn sizes(kind: &str) -> Histogram;

fn main() {}
