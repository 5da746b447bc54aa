//! The server's thread: accepts connections, and drives each when its socket is ready.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Resource, getrlimit};

use crate::model::Snapshot;
use crate::segment::fork_safe_fd::{self, Registered};
use crate::store::FORKS;

use super::address::Listener;
use super::answer::{Admission, Answers, Ask};
use super::serving::Shared;
use super::socket::{Io, Socket};

/// Connections at a time, unless the process may have few descriptors.
const MOST: usize = 64;
/// How many are accepted before those that are ready are served.
const BATCH: usize = 64;
/// Bytes and lines of a header.
const HEADER: usize = 8192;
const LINES: usize = 64;
/// How long a client may take to send a header, to read an answer, and to do nothing.
const FOR_HEADER: Duration = Duration::from_secs(5);
const FOR_ANSWER: Duration = Duration::from_secs(30);
const FOR_NOTHING: Duration = Duration::from_secs(60);
/// How long a request waits until slow readers have read pages, before one of them is ended.
const FOR_OTHERS: Duration = Duration::from_secs(2);
/// How long nothing is accepted when the process has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// What a connection is doing. The order is that in which they make space for a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It has had its answer.
    Idle,
    /// A request is arriving.
    Asking,
    /// It waits for its answer, or reads it.
    Answered,
}

struct Connection {
    socket: Rc<Socket>,
    hyper: Pin<Box<dyn Future<Output = ()>>>,
    gate: Rc<Gate>,
    woken: Arc<Woken>,
    waker: Waker,
    phase: Phase,
    since: Instant,
}

/// Holds a request back until all have been read that have arrived: they share one collection, and
/// each of them was sent before it.
#[derive(Debug, Default)]
struct Gate {
    /// A request waits for its answer.
    asks: Cell<Option<Ask>>,
    /// It may be answered now.
    is_open: Cell<bool>,
    /// It waits until its password is checked.
    is_judged: Cell<bool>,
    /// What the last answer is made of, if that is still in memory.
    holds: RefCell<Weak<Snapshot>>,
}

/// A connection goes on by itself: its body has let others have their turn.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Connection {
    /// `None`: there is no TLS for it.
    fn new(fd: Registered, answers: &Rc<Answers>) -> Option<Self> {
        let socket = Rc::new(Socket::new(fd));
        let gate = Rc::<Gate>::default();
        let (of_service, of_answers) = (Rc::clone(&gate), Rc::clone(answers));
        let service = service_fn(move |request: Request<Incoming>| {
            let (gate, answers) = (Rc::clone(&of_service), Rc::clone(&of_answers));
            let mut admission = Admission::default();
            poll_fn(move |_| {
                let judged = admission.poll(&answers, &request);
                gate.is_judged.set(judged.is_pending());
                if judged.is_pending() {
                    return Poll::Pending;
                }
                let is_open = gate.is_open.replace(false);
                gate.asks.set((!is_open).then(|| answers.kind(&request)));
                if is_open {
                    let answer = || {
                        let (response, snapshot) = answers.answer(&request);
                        gate.holds.replace(snapshot);
                        response
                    };
                    Poll::Ready(Ok::<_, Infallible>(admission.response(answer)))
                } else {
                    Poll::Pending
                }
            })
        });
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEADER).max_headers(LINES).header_read_timeout(None);
        // A client that has asked all that it wants may say so, as `nc -N` does.
        builder.half_close(true);
        // How a connection ended concerns its client only.
        #[cfg(feature = "web-config")]
        let hyper: Pin<Box<dyn Future<Output = ()>>> = if let Some(tls) = answers.new_tls() {
            let io = super::web_stream::TlsIo::new(Rc::clone(&socket), tls.ok()?);
            let hyper = builder.serve_connection(io, service);
            Box::pin(async move { drop(hyper.await) })
        } else {
            let hyper = builder.serve_connection(Io(Rc::clone(&socket)), service);
            Box::pin(async move { drop(hyper.await) })
        };
        #[cfg(not(feature = "web-config"))]
        let hyper: Pin<Box<dyn Future<Output = ()>>> = {
            let hyper = builder.serve_connection(Io(Rc::clone(&socket)), service);
            Box::pin(async move { drop(hyper.await) })
        };
        let (phase, since) = (Phase::Asking, Instant::now());
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        Some(Self { socket, hyper, gate, woken, waker, phase, since })
    }

    fn deadline(&self) -> Instant {
        self.since
            + match self.phase {
                Phase::Idle => FOR_NOTHING,
                Phase::Asking => FOR_HEADER,
                Phase::Answered => FOR_ANSWER,
            }
    }

    /// Goes on as far as possible without waiting. `false`: it has ended.
    fn drive(&mut self, ready: PollFlags) -> bool {
        self.socket.forget_wants();
        self.woken.0.store(false, Ordering::Relaxed);
        let done = self.hyper.as_mut().poll(&mut Context::from_waker(&self.waker));
        if done.is_ready() || ready.intersects(PollFlags::HUP | PollFlags::ERR) {
            return false;
        }
        let writes = self.socket.wants().contains(PollFlags::OUT) || self.goes_on();
        let waits = self.gate.asks.get().is_some() || self.gate.is_judged.get();
        let phase = if writes || waits {
            Phase::Answered
        } else if self.phase == Phase::Answered {
            Phase::Idle
        } else {
            Phase::Asking
        };
        if phase != self.phase {
            (self.phase, self.since) = (phase, Instant::now());
        }
        true
    }

    /// Whether it has something to do though nothing has happened.
    fn goes_on(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Whether its client reads a page of which the snapshot is in memory.
    fn holds_snapshot(&self) -> bool {
        self.gate.asks.get().is_none()
            && self.phase == Phase::Answered
            && self.gate.holds.borrow().strong_count() > 0
    }

    /// Lets its request be answered.
    fn answer(&mut self) -> bool {
        self.gate.is_open.set(true);
        let goes_on = self.drive(PollFlags::empty());
        self.gate.is_open.set(false);
        goes_on
    }
}

/// Serves until the server is stopped.
pub(super) fn run(listeners: &[Listener], shared: &Shared, answers: Answers) {
    let answers = Rc::new(answers);
    let most = most();
    let mut connections: Vec<Connection> = Vec::new();
    let mut rests_until = Instant::now();
    while !shared.stops() {
        let waited = wait(listeners, shared, &connections, rests_until, &answers);
        let Some((accepts, ready)) = waited else {
            continue;
        };
        let now = Instant::now();
        let mut number = 0;
        connections.retain_mut(|connection| {
            number += 1;
            let ready = ready.get(number - 1).copied().unwrap_or(PollFlags::empty());
            // Its password may be checked by now.
            let is_idle =
                ready.is_empty() && !connection.gate.is_judged.get() && !connection.goes_on();
            (is_idle || connection.drive(ready)) && now < connection.deadline()
        });
        if accepts && !accept(listeners, &mut connections, most, &answers) {
            rests_until = Instant::now() + REST;
        }
        connections.retain_mut(|connection| match connection.gate.asks.get() {
            Some(ask) if answers.has_room(ask) => connection.answer(),
            Some(_) | None => true,
        });
        answers.end_round();
        let is_impatient =
            |one: &Connection| one.gate.asks.get().is_some() && one.since.elapsed() > FOR_OTHERS;
        if connections.iter().any(is_impatient) {
            end_oldest_reader(&mut connections);
        }
    }
}

/// Waits until something can be done. Returns whether a connection can be accepted, and what each
/// connection is ready for; `None` if the wait failed.
fn wait(
    listeners: &[Listener],
    shared: &Shared,
    connections: &[Connection],
    rests_until: Instant,
    answers: &Answers,
) -> Option<(bool, Vec<PollFlags>)> {
    let now = Instant::now();
    let rests = now < rests_until;
    let deadlines = connections.iter().map(Connection::deadline);
    // One that sent several requests at once has another to be answered.
    let asks = connections.iter().filter_map(|connection| {
        let has_room = answers.has_room(connection.gate.asks.get()?);
        Some(if has_room { now } else { connection.since + FOR_OTHERS })
    });
    let goes_on = connections.iter().any(Connection::goes_on).then_some(now);
    let next = deadlines.chain(rests.then_some(rests_until)).chain(asks).chain(goes_on).min();
    let timeout = next.map(|next| {
        let wait = next.saturating_duration_since(now);
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        Timespec { tv_sec: seconds, tv_nsec: wait.subsec_nanos().into() }
    });
    let mut polled =
        vec![PollFd::from_borrowed_fd(shared.wake.as_ref()?.borrowed()?, PollFlags::IN)];
    for listener in listeners.iter().filter(|_| !rests) {
        let fd = listener.fd.as_ref()?.borrowed()?;
        polled.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
    }
    let first = polled.len();
    for connection in connections {
        let fd = connection.socket.fd()?.borrowed()?;
        polled.push(PollFd::from_borrowed_fd(fd, connection.socket.wants()));
    }
    if poll(&mut polled, timeout.as_ref()).is_err() {
        return None;
    }
    shared.forget_wake();
    let mut ready: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
    let of_connections = ready.split_off(first);
    let accepts = ready.iter().skip(1).any(|ready| !ready.is_empty());
    Some((accepts, of_connections))
}

/// Accepts those who wait. `false`: the process lacks descriptors.
fn accept(
    listeners: &[Listener],
    connections: &mut Vec<Connection>,
    most: usize,
    answers: &Rc<Answers>,
) -> bool {
    for listener in listeners {
        for _ in 0..BATCH {
            let accepted = FORKS.without(|| {
                let fd = listener
                    .fd
                    .as_ref()?
                    .with(|fd| accept_with(fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK))?;
                Some(fd.and_then(fork_safe_fd::register))
            });
            match accepted.flatten() {
                Some(Ok(Some(fd))) => {
                    // The newcomer is served: it may be the scraper, and whoever holds connections
                    // may not.
                    if connections.len() >= most {
                        make_space(connections);
                    }
                    let Some(mut connection) = Connection::new(fd, answers) else {
                        continue;
                    };
                    // The request has often arrived already.
                    if connection.drive(PollFlags::empty()) {
                        connections.push(connection);
                    }
                }
                Some(
                    Ok(None) | Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS),
                ) => {
                    if connections.is_empty() {
                        return false;
                    }
                    make_space(connections);
                }
                Some(Err(Errno::CONNABORTED | Errno::INTR)) => {}
                _ => break,
            }
        }
    }
    true
}

/// Ends the connection that has waited longest for a request.
fn make_space(connections: &mut Vec<Connection>) {
    let order = |at: &usize| connections.get(*at).map(|one| (one.phase, one.since));
    if let Some(at) = (0..connections.len()).min_by_key(order) {
        connections.swap_remove(at);
    }
}

/// Ends the connection that reads its page for the longest time, for the memory of its snapshot.
fn end_oldest_reader(connections: &mut Vec<Connection>) {
    let readers = (0..connections.len())
        .filter(|at| connections.get(*at).is_some_and(Connection::holds_snapshot));
    if let Some(at) = readers.min_by_key(|at| connections.get(*at).map(|one| one.since)) {
        connections.swap_remove(at);
    }
}

/// The program needs descriptors too.
fn most() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(limit / 4).unwrap_or(MOST).clamp(4, MOST)
}
