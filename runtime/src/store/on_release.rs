//! What must be done once the mutex is released, because it runs the user's code or starts threads.

use super::{idle_thread, warn};

#[derive(Debug)]
pub(super) struct OnRelease {
    /// A message to be logged.
    pub(super) warning: Option<String>,
    /// Starts the threads that call the functions of `set_function`.
    pub(super) start: Option<fn()>,
    /// Whether a row has an idle timeout, so that the thread which examines such rows is needed.
    pub(super) has_idle: bool,
}

impl OnRelease {
    pub(super) const fn new() -> Self {
        Self { warning: None, start: None, has_idle: false }
    }

    pub(super) fn run(self) {
        if let Some(message) = self.warning {
            warn::warn(message);
        }
        if let Some(start) = self.start {
            start();
        }
        if self.has_idle {
            idle_thread::ensure_thread();
        }
    }
}
