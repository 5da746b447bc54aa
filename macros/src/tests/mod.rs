pub(crate) mod functions;
mod keys;
