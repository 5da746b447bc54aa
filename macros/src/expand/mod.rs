pub(crate) mod arguments;
pub(crate) mod ends;
pub(crate) mod function;
pub(crate) mod sites;
pub(crate) mod tail;
