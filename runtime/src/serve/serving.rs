//! The handle of a server that was started, and what it shares with the server's thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::error::Error;
use crate::process::epoch;
use crate::segment::fork_safe_fd::Registered;

use super::address::Listener;
use super::registered::register;

/// A server that was started. It goes on when this is dropped.
#[derive(Clone)]
pub struct Serving {
    shared: Arc<Shared>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("addresses", &self.addresses()).finish()
    }
}

impl Serving {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns the addresses at which this process serves, with the ports that the system chose. It
    /// is empty while another process has one of them.
    pub fn addresses(&self) -> Vec<String> {
        if self.shared.epoch != epoch() {
            return Vec::new();
        }
        self.shared.state().addresses.clone()
    }

    /// Stops the server, and returns when its addresses are free. In a forked child, where there is
    /// no server, it does nothing.
    pub fn stop(self) {
        let shared = &self.shared;
        if shared.epoch != epoch() {
            return;
        }
        shared.stops.store(true, Ordering::Release);
        shared.wake();
        let mut state = shared.state();
        // A thread that waits for its turn has no address. It ends when the turn comes.
        while !state.has_ended && !state.addresses.is_empty() {
            let waited = shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the thread and its handles share.
pub(super) struct Shared {
    /// The process that has the thread.
    epoch: u32,
    /// Readable when the server is to stop.
    pub(super) wake: Option<Registered>,
    stops: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    addresses: Vec<String>,
    has_ended: bool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.epoch == epoch() {
            if let Some(wake) = self.wake.take() {
                wake.close();
            }
        }
    }
}

impl Shared {
    pub(super) fn new() -> Result<Self, Error> {
        let wake = register("make a descriptor to wake the server", || {
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        })?;
        Ok(Self {
            epoch: epoch(),
            wake: Some(wake),
            stops: AtomicBool::new(false),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        })
    }

    /// Lets the thread look at everything once.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            let _ = wake.with(|fd| rustix::io::write(fd, &1_u64.to_le_bytes()));
        }
    }

    /// To be called by the thread when it looks.
    pub(super) fn forget_wake(&self) {
        if let Some(wake) = &self.wake {
            let _ = wake.with(|fd| rustix::io::read(fd, &mut [0_u8; 8]));
        }
    }

    pub(super) fn stops(&self) -> bool {
        self.stops.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_addresses(&self, listeners: &[Listener]) {
        self.state().addresses = listeners.iter().map(Listener::address).collect();
    }

    pub(super) fn end(&self) {
        let mut state = self.state();
        state.addresses.clear();
        state.has_ended = true;
        self.changed.notify_all();
    }
}
