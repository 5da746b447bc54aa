//! What the program `victim` and the tests that run it have agreed upon: who counts what, and which
//! words of the oracle say so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;

use crate::oracle::{Account, Oracle};
use crate::page::Page;
use crate::{built_before, built_with};

/// Builds the program with the places to die or to stop at, and says where it is.
pub fn build_victim(cargo: &str, target: &Path) -> PathBuf {
    if let Some(program) = built_before("victim") {
        return program;
    }
    built_with(cargo, target, "victim", &["--features", "__kill-points"])
}

/// The names of all places at which the program can die or stop.
pub fn places(victim: &Path) -> Vec<String> {
    let names = Command::new(victim).arg("names").output().expect("the victim runs");
    let names = String::from_utf8(names.stdout).expect("UTF-8");
    names.lines().map(str::to_owned).collect()
}

/// Words of the oracle.
pub const WORDS: usize = 512;

/// The families, in the order of a role's accounts.
pub const FAMILIES: [&str; KINDS] =
    ["work_total", "energy_joules_total", "sizes", "rows_total", "loads"];

/// How many families there are.
const KINDS: usize = 5;

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The program's first thread.
    Main,
    /// Its second.
    Thread,
    /// Its child's only one.
    Child,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Main, Self::Thread, Self::Child];

    /// The value of the label `role`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Thread => "thread",
            Self::Child => "child",
        }
    }

    /// The threads of its process.
    pub fn of_same_process(self) -> &'static [Self] {
        match self {
            Self::Main | Self::Thread => &[Self::Main, Self::Thread],
            Self::Child => &[Self::Child],
        }
    }
}

/// What a process says of itself: `Main` for the program, `Child` for its child.
#[derive(Debug, Clone, Copy)]
pub enum Report {
    /// 1: the directory is fit; 2: it isn't, and that was reported.
    Started,
    /// 1: it came to its end.
    Finished,
    /// 1: it didn't end well.
    Failed,
    /// 1: others see what it counts.
    Shared,
    /// 1: it knows of something that went wrong.
    Problem,
    /// Operations that were recorded nowhere.
    DroppedOperations,
    /// 1: what was dead is compacted; 2: it isn't, and that was reported.
    Compacted,
}

/// The accounts of a role, one for each family.
pub fn accounts(oracle: &Oracle, role: Role) -> [Account<'_>; KINDS] {
    core::array::from_fn(|kind| oracle.account(role as usize * KINDS + kind))
}

/// The word for a report.
pub fn report(oracle: &Oracle, role: Role, what: Report) -> &AtomicU64 {
    oracle.word(64 + role as usize * 16 + what as usize)
}

/// 0, then 1: the program waits to be traced, then 2: it is.
pub fn stage(oracle: &Oracle) -> &AtomicU64 {
    oracle.word(200)
}

/// What a process's own collector found of its roles, plus 1; 0 where it found out nothing.
pub fn seen(oracle: &Oracle, role: Role, kind: usize) -> &AtomicU64 {
    oracle.word(128 + role as usize * KINDS + kind)
}

/// What a page says of a role, by family.
pub fn counted(page: &Page, role: Role) -> [u64; KINDS] {
    FAMILIES.map(|family| {
        let is_histogram = ["sizes", "loads"].contains(&family);
        let name = if is_histogram { format!("{family}_count") } else { family.to_owned() };
        sum(page, &name, role.label())
    })
}

/// All series of a name that have this role.
fn sum(page: &Page, name: &str, role: &str) -> u64 {
    let role = format!("role=\"{role}\"");
    let ours = page.samples.iter().filter(|(key, _)| {
        key.split_once('{').is_some_and(|(of, labels)| of == name && labels.contains(&role))
    });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
    ours.map(|(_, value)| *value as u64).sum()
}

/// Fails unless what a page says lies between what was acknowledged and what was announced.
#[track_caller]
pub fn assert_between(oracle: &Oracle, page: &Page, what: &str) {
    for role in Role::ALL {
        let counted = counted(page, role);
        for (account, (counted, family)) in
            accounts(oracle, role).iter().zip(counted.into_iter().zip(FAMILIES))
        {
            let (done, begun) = (account.acknowledged(), account.announced());
            assert!(
                done <= counted && counted <= begun,
                "{what}: {family} of {role:?}: {done} done, {begun} begun, {counted} counted"
            );
        }
    }
}
