//! What the programs of this package share. No metrics: what a program declares is in each of its segments.

pub mod machine;
pub mod measure;
pub mod place;
