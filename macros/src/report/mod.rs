pub(crate) mod errors;
pub(crate) mod fallback;
pub(crate) mod suggest;
