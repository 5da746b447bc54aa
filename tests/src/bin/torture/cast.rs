//! The processes of the rig: started, killed, stopped in the middle of whatever they do, and seen
//! off.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use headcount_tests::random::Random;
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setpgid};

use crate::rig::{Rig, Tally};

/// What processes are there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Gang(usize),
    Compactor(usize),
    Scraper(usize),
}

/// The processes of the rig. Each leads a group; of a gang's, the whole group must be gone.
pub(super) struct Cast<'a> {
    rig: &'a Rig,
    running: Vec<(Job, Pid)>,
    stopped: Vec<Pid>,
    started: u64,
}

impl<'a> Cast<'a> {
    pub(super) fn new(rig: &'a Rig) -> Self {
        Self { rig, running: Vec::new(), stopped: Vec::new(), started: 0 }
    }

    /// Somebody who has all guests, and dies.
    pub(super) fn found(&self) {
        let rig = self.rig;
        let pid = forked(|| rig.found());
        let ended = waitpid(pid, None);
        if ended != Ok(WaitStatus::Exited(pid, 0)) {
            rig.fail(&format!("the founder ended with {ended:?}"));
        }
    }

    /// Whether anyone was started yet.
    pub(super) fn has_begun(&self) -> bool {
        self.started > 0
    }

    pub(super) fn has(&self, job: Job) -> bool {
        self.running.iter().any(|(known, _)| *known == job)
    }

    pub(super) fn start(&mut self, job: Job) {
        self.started += 1;
        let mut random = Random::of(self.rig.seed.wrapping_add(self.started << 32));
        let rig = self.rig;
        if let Job::Gang(gang) = job {
            rig.presence(gang).expect();
        }
        let pid = forked(|| {
            let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
            // Nobody is left when the rig is killed.
            let _ = set_pdeathsig(Signal::SIGKILL);
            match job {
                Job::Gang(gang) => rig.lead(gang, &mut random),
                Job::Compactor(_) => rig.compact(&mut random),
                Job::Scraper(number) => rig.watch(number),
            }
        });
        // Here as well: it may be killed before it comes to it.
        let _ = setpgid(pid, pid);
        self.running.push((job, pid));
    }

    /// Takes note of who has ended.
    pub(super) fn reap(&mut self) {
        let rig = self.rig;
        self.running.retain(|(job, leader)| {
            loop {
                let group = Pid::from_raw(-leader.as_raw());
                match waitpid(group, Some(WaitPidFlag::WNOHANG)) {
                    Ok(WaitStatus::StillAlive) => return true,
                    // Orphans are ours, so nobody of the group is left.
                    Err(Errno::ECHILD) => return false,
                    Ok(WaitStatus::Exited(_, 0) | WaitStatus::Signaled(_, Signal::SIGKILL, _)) => {}
                    ended => rig.fail(&format!("{job:?} ended with {ended:?}")),
                }
            }
        });
        self.stopped.retain(|pid| self.running.iter().any(|(_, leader)| leader == pid));
    }

    fn pid(&self, job: Job) -> Option<Pid> {
        self.running.iter().find(|(known, _)| *known == job).map(|(_, pid)| *pid)
    }

    /// Kills its leader, or all of it; how many were killed.
    pub(super) fn kill(&self, job: Job, random: &mut Random) -> u64 {
        let Some(pid) = self.pid(job) else { return 0 };
        if let Job::Gang(gang) = job {
            self.rig.presence(gang).threaten();
        }
        let killed = if random.below(2) == 0 {
            kill(pid, Signal::SIGKILL)
        } else {
            killpg(pid, Signal::SIGKILL)
        };
        u64::from(killed.is_ok())
    }

    /// Stops it in the middle of whatever it does.
    pub(super) fn stop(&mut self, job: Job) {
        if let Some(pid) = self.pid(job) {
            let _ = killpg(pid, Signal::SIGSTOP);
            self.stopped.push(pid);
        }
    }

    /// Lets some of the stopped go on.
    pub(super) fn go_on(&mut self, random: &mut Random) {
        self.stopped.retain(|pid| {
            let stays = random.below(12) != 0;
            if !stays {
                let _ = killpg(*pid, Signal::SIGCONT);
            }
            stays
        });
    }

    /// Lets who watches and compacts come to its end, and kills the others.
    pub(super) fn end(&mut self) {
        self.rig.add(Tally::Over, 1);
        for (job, pid) in &self.running {
            let signal = if let Job::Gang(gang) = job {
                self.rig.presence(*gang).threaten();
                Signal::SIGKILL
            } else {
                Signal::SIGCONT
            };
            let _ = killpg(*pid, signal);
        }
        let began = Instant::now();
        while !self.running.is_empty() {
            self.reap();
            if began.elapsed() > Duration::from_secs(30) {
                self.rig.fail(&format!("{:?} hang", self.running));
                for (_, pid) in &self.running {
                    let _ = killpg(*pid, Signal::SIGKILL);
                }
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The child ends without cleaning up: what the standard library does then takes locks, and a
/// leader's other thread may hold one.
pub(super) fn forked(child: impl FnOnce()) -> Pid {
    // SAFETY: the rig has one thread; a leader has two, and what its child may find locked by the
    // other one is what is tested.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let is_well = catch_unwind(AssertUnwindSafe(child)).is_ok();
            // SAFETY: ends the process, and nothing else.
            unsafe { nix::libc::_exit(i32::from(!is_well)) }
        }
    }
}
