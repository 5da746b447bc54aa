//! Feature `web-config`: checks passwords in a thread beside the server's, since bcrypt takes tens
//! of milliseconds by design, and keeps the results.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;

use crate::process::Blocked;

use super::serving::Shared;

/// The results that are kept.
const MOST: usize = 100;

/// A hash, and a password that may be its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Claim {
    hash: String,
    password: String,
}

/// The ends of the channels to and from the thread.
type Ends = (Sender<Claim>, Receiver<(Claim, bool)>);

/// The passwords that were checked, and the thread that checks others, one at a time.
pub(super) struct Users {
    shared: Arc<Shared>,
    thread: Option<Ends>,
    known: HashMap<Claim, bool>,
    asked: HashSet<Claim>,
}

impl Users {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (known, asked) = Default::default();
        Self { shared, thread: None, known, asked }
    }

    /// Whether the user has this password. `Pending`: the server is woken when that is known.
    pub(super) fn check(
        &mut self,
        users: &BTreeMap<String, String>,
        name: &str,
        password: &str,
    ) -> Poll<bool> {
        // An unknown user is compared, too: else the time of the answer would reveal who is known.
        // The hash that costs most hides those that cost less.
        let cost = |hash: &&String| hash.parse::<bcrypt::HashParts>().map_or(0, |it| it.get_cost());
        let Some(hash) = users.get(name).or_else(|| users.values().max_by_key(cost)) else {
            return Poll::Ready(true);
        };
        let claim = Claim { hash: hash.clone(), password: password.to_owned() };
        self.take_results();
        if let Some(is_right) = self.known.get(&claim) {
            return Poll::Ready(*is_right && users.contains_key(name));
        }
        if !self.asked.contains(&claim) {
            if !self.ask(claim.clone()) {
                // Without a thread nobody is let in.
                return Poll::Ready(false);
            }
            self.asked.insert(claim);
        }
        Poll::Pending
    }

    fn take_results(&mut self) {
        let Some((_, results)) = &self.thread else { return };
        for (claim, is_right) in results.try_iter() {
            self.asked.remove(&claim);
            if self.known.len() >= MOST {
                self.known.clear();
            }
            self.known.insert(claim, is_right);
        }
    }

    /// `false`: there is no thread, and none can be started.
    fn ask(&mut self, claim: Claim) -> bool {
        let thread = match self.thread.take() {
            Some(thread) => Some(thread),
            None => start(&self.shared),
        };
        let sent = thread.as_ref().is_some_and(|(claims, _)| claims.send(claim).is_ok());
        self.thread = thread.filter(|_| sent);
        sent
    }
}

/// The thread ends when the server has ended.
fn start(shared: &Arc<Shared>) -> Option<Ends> {
    let (claims, asked) = channel::<Claim>();
    let (found, results) = channel();
    let shared = Arc::clone(shared);
    // The program's signals must be delivered to the program's threads.
    let _blocked = Blocked::all();
    let thread = std::thread::Builder::new().name("headcount-users".to_owned());
    let started = thread.spawn(move || {
        for claim in asked {
            let is_right = bcrypt::verify(&claim.password, &claim.hash).unwrap_or(false);
            if found.send((claim, is_right)).is_err() {
                return;
            }
            shared.wake();
        }
    });
    started.ok().map(|_| (claims, results))
}
