//! The writer: this process's segment, from the first use through forks to the end.
//!
//! ```text
//! New --first use--> Live --fork, in the child--> Forked --next operation--> Live
//!                     |                     (other addresses, same log and slots, all cells zero)
//!                     +-- or Failed: nothing could be mapped, everything is dropped and counted
//! ```
//!
//! One mutex guards all of it. It is never held while the user's code runs (a label, a logger).
//! Recording never takes it once a thread has touched its slots. The writer knows no collector. If
//! a new process finds no space, it makes space without the mutex (`preparation`).

mod attach;
mod callbacks;
mod churn;
mod combine;
#[cfg(all(target_os = "linux", not(any(miri, feature = "off"))))]
mod constructor;
mod declarations;
mod dynamic;
mod exemplars;
mod fork;
pub(crate) mod gate;
mod guard;
mod health;
mod home;
mod idle;
mod idle_thread;
mod init;
mod late;
mod log_copy;
mod make_segment;
mod mutex;
mod names;
mod native;
mod on_release;
mod own_segment;
mod preparation;
mod problems;
mod register;
mod remove;
mod rewrite_log;
pub(crate) mod sampler;
mod search;
mod series;
mod shards;
mod state;
#[cfg(test)]
mod tests;
mod waiting;
mod warn;

pub(crate) use crate::segment::tally::note_dropped;
pub(crate) use attach::{Target, own_shard, target};
pub(crate) use callbacks::{
    Callback, Called, add_callback, callbacks, has_callback, note_given_up, sample_interval,
};
pub(crate) use dynamic::{declare, declared_at_run_time, describe, report_misuse};
pub(crate) use exemplars::{exemplar_places, known_exemplar_places};
pub use fork::after_fork_in_child;
pub(crate) use guard::FORKS;
pub(crate) use health::tell_if_alone;
pub use health::{Health, health};
pub(crate) use idle::remove_idle_now;
pub use idle_thread::remove_idle;
pub use init::init;
pub(crate) use init::start;
pub(crate) use native::{native_block, native_blocks};
pub(crate) use register::row;
pub use remove::remove_matching;
pub(crate) use remove::{remove, remove_others};
pub use search::child_env;
pub(crate) use search::open_directory;
pub(crate) use state::{THIS_PROCESS, own_cells};
