//! The classes of `prometheus_client`'s API, in Rust: `from headcount import Counter`.
//!
//! What is called for each event is a method of a native object, so that it costs one call of a
//! function and one addition: no Python code runs, and no lock is taken. `labels` returns the
//! object of a dictionary, so the same values yield the same object, and what was looked up once
//! can be kept.
//!
//! A metric is made in two steps, as Python's own classes are: `__new__` takes any arguments, and
//! `__init__` declares, so that a class of the user may have other arguments. Until then, and for
//! as long as label values are missing, a metric has no handle, and its methods say so.
//!
//! Registries, pages and decorators are Python, in `headcount/registry.py` and its neighbours:
//! they run once, or once per scrape.

pub(crate) mod arguments;
pub(crate) mod base;
pub(crate) mod contexts;
pub(crate) mod counter;
pub(crate) mod facts;
pub(crate) mod gauge;
pub(crate) mod observed;
pub(crate) mod parts;
