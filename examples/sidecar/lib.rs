//! The example stands beside this file.
