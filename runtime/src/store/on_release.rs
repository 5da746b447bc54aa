//! What must be done once the mutex is released, because it runs the user's code or starts threads.

use crate::declare::descriptor::RemoveIdle;

use super::warn;

#[derive(Debug)]
pub(super) struct OnRelease {
    /// A message to be logged.
    pub(super) warning: Option<String>,
    /// Starts the threads that call the functions of `set_function`.
    pub(super) start: Option<fn()>,
    /// Starts the thread that examines rows with an idle timeout.
    pub(super) remove_idle: Option<RemoveIdle>,
}

impl OnRelease {
    pub(super) const fn new() -> Self {
        Self { warning: None, start: None, remove_idle: None }
    }

    pub(super) fn run(self) {
        if let Some(message) = self.warning {
            warn::warn(message);
        }
        if let Some(start) = self.start {
            start();
        }
        if let Some(remove_idle) = self.remove_idle {
            remove_idle(true);
        }
    }
}
