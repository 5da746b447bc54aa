//! Mistakes, and what users see of them. Knows nothing of attributes.

pub(crate) mod errors;
pub(crate) mod fallback;
pub(crate) mod suggest;
