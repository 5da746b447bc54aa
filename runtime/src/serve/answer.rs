//! What a request is answered.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::Poll;

use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::collect::Collector;
use crate::error::Error;
use crate::expose::{Exposition, Pieces, Scrape};
use crate::model::Snapshot;

use super::page_cache::States;
use super::page_files;
#[cfg(feature = "web-config")]
use super::web_security::Security;

/// Snapshots whose pages are being read, at a time. A client that reads slowly has its snapshot in
/// memory, and could have as many as there are connections.
const MOST_SNAPSHOTS: usize = 4;

/// What a request asks for, as far as it matters for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// Something that is small, or bounded.
    Little,
    /// The page, which all requests of a round share.
    Page,
    /// Some families of it, for which there is a collection of its own.
    Part,
}

/// A response, and the snapshot that its body may be made of.
pub(super) type Answer = (Response<Pieces>, Weak<Snapshot>);

/// Collects and answers.
pub(super) struct Answers {
    collector: Collector,
    path: String,
    /// What was collected for the requests of this round: all had arrived before.
    shared: RefCell<Option<Collected>>,
    /// Those whose pages may still be read.
    held: RefCell<Vec<Weak<Snapshot>>>,
    states: States,
    #[cfg(feature = "web-config")]
    security: Option<Security>,
}

/// A snapshot, or why there is none.
type Collected = Result<Arc<Snapshot>, String>;

impl Answers {
    pub(super) fn new(collector: Collector, path: String) -> Self {
        Self {
            collector,
            path,
            shared: RefCell::new(None),
            held: RefCell::default(),
            states: States::default(),
            #[cfg(feature = "web-config")]
            security: None,
        }
    }

    /// Answers only those whom a web configuration lets in.
    #[cfg(feature = "web-config")]
    pub(super) fn guarded(mut self, security: Option<Security>) -> Self {
        self.security = security;
        self
    }

    /// TLS for a new connection. `None`: it has none.
    #[cfg(feature = "web-config")]
    pub(super) fn new_tls(&self) -> Option<Result<rustls::ServerConnection, rustls::Error>> {
        self.security.as_ref()?.new_connection()
    }

    /// To be called when all requests that had arrived are answered: those that come later must not
    /// get what was collected before.
    pub(super) fn end_round(&self) {
        self.shared.replace(None);
    }

    pub(super) fn kind(&self, request: &Request<Incoming>) -> Ask {
        let is_page = request.uri().path() == self.path;
        match Scrape::from(request).wanted() {
            _ if !is_page => Ask::Little,
            [] => Ask::Page,
            _ => Ask::Part,
        }
    }

    /// Whether a request can be answered without one snapshot too many.
    pub(super) fn has_room(&self, ask: Ask) -> bool {
        let mut held = self.held.borrow_mut();
        held.retain(|snapshot| snapshot.strong_count() > 0);
        let needs_one = match ask {
            Ask::Little => false,
            Ask::Page => self.shared.borrow().is_none(),
            Ask::Part => true,
        };
        !needs_one || held.len() < MOST_SNAPSHOTS
    }

    pub(super) fn answer(&self, request: &Request<Incoming>) -> Answer {
        let scrape = Scrape::from(request);
        let path = request.uri().path();
        if path == self.path && scrape.is_allowed() {
            return self.page(scrape);
        }
        let response = if !scrape.is_allowed() {
            Exposition::method_not_allowed().into()
        } else if path == "/healthz" {
            self.health().into()
        } else if path == page_files::STATE {
            self.state(request.uri().query().unwrap_or_default(), &scrape)
        } else {
            page_files::asset(path).unwrap_or_else(|| Exposition::not_found().into())
        };
        (response, Weak::new())
    }

    fn page(&self, scrape: Scrape<'_>) -> Answer {
        let collected = if scrape.wanted().is_empty() {
            self.shared.borrow_mut().get_or_insert_with(|| collect(&self.collector)).clone()
        } else {
            collect(&self.collector.clone().names(scrape.wanted()))
        };
        match collected {
            Ok(snapshot) => {
                let weak = Arc::downgrade(&snapshot);
                let mut held = self.held.borrow_mut();
                if !held.iter().any(|known| Weak::ptr_eq(known, &weak)) {
                    held.push(Weak::clone(&weak));
                }
                (snapshot.render_in_pieces(scrape).into(), weak)
            }
            Err(reason) => (Exposition::unavailable(&reason).into(), Weak::new()),
        }
    }

    fn health(&self) -> Exposition {
        match collect(&self.collector.clone().names(["headcount_shared"])) {
            Ok(snapshot) => {
                let is_empty = self.collector.is_used().is_ok_and(|is_used| !is_used);
                let empty = is_empty.then_some("nothing of headcount's is in the directory yet");
                let told = snapshot.skipped().iter().map(|skipped| format!("left out: {skipped}"));
                let first = std::iter::once("ok").chain(empty).map(str::to_owned);
                let lines: Vec<String> = first.chain(told).collect();
                Exposition::message(200, &lines.join("\n"))
            }
            Err(reason) => Exposition::unavailable(&reason),
        }
    }

    /// What the page for people asks for.
    fn state(&self, query: &str, scrape: &Scrape<'_>) -> Response<Pieces> {
        let states =
            AssertUnwindSafe(|| self.states.answer(&self.collector, &self.path, query, scrape));
        match catch_unwind(states) {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => Exposition::unavailable(&error).into(),
            Err(_) => Exposition::unavailable(PANICKED).into(),
        }
    }
}

/// Whether a request is answered: decided once, before the answer is made.
#[derive(Default)]
pub(super) struct Admission {
    /// What the file said when the request came.
    #[cfg(feature = "web-config")]
    config: Option<super::web_config::WebConfig>,
    #[cfg(feature = "web-config")]
    verdict: Option<super::web_security::Verdict>,
}

impl Admission {
    /// `Pending`: a password is being checked.
    #[cfg(feature = "web-config")]
    pub(super) fn poll(&mut self, answers: &Answers, request: &Request<Incoming>) -> Poll<()> {
        let Some(security) = &answers.security else { return Poll::Ready(()) };
        if self.verdict.is_some() {
            return Poll::Ready(());
        }
        if self.config.is_none() {
            match security.begin() {
                Ok(config) => self.config = Some(config),
                Err(refused) => self.verdict = Some(Err(refused)),
            }
        }
        if let Some(config) = &self.config {
            match security.judge(config, request.headers()) {
                Poll::Ready(verdict) => self.verdict = Some(verdict),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    /// Everybody is let in.
    #[cfg(not(feature = "web-config"))]
    #[expect(clippy::unused_self, reason = "it knows nothing")]
    pub(super) fn poll(&mut self, _: &Answers, _: &Request<Incoming>) -> Poll<()> {
        Poll::Ready(())
    }

    /// The answer that was decided on.
    #[cfg_attr(not(feature = "web-config"), expect(clippy::unused_self, reason = "as above"))]
    pub(super) fn response(
        &mut self,
        answer: impl FnOnce() -> Response<Pieces>,
    ) -> Response<Pieces> {
        #[cfg(feature = "web-config")]
        if let Some(Err(refused)) = self.verdict.take() {
            return self.with_headers(*refused);
        }
        #[cfg(feature = "web-config")]
        return self.with_headers(answer());
        #[cfg(not(feature = "web-config"))]
        answer()
    }

    #[cfg(feature = "web-config")]
    fn with_headers(&self, mut response: Response<Pieces>) -> Response<Pieces> {
        for (name, value) in self.config.iter().flat_map(|config| &config.headers) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

const PANICKED: &str = "a function given to `Collector::with_families` panicked";

/// A function of the program's that panics must not end the server.
fn collect(collector: &Collector) -> Collected {
    match catch_unwind(|| collector.collect()) {
        Ok(Ok(snapshot)) => Ok(Arc::new(snapshot)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(PANICKED.to_owned()),
    }
}

/// Checks the path of the page.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~!$'()*+,;=:@%".contains(c);
    if !path.starts_with('/') || !path.chars().all(is_plain) {
        return Err(Error::invalid(format!("`{path}` is not the path of a page (`/metrics`)")));
    }
    if path == "/healthz" || page_files::has(path) {
        return Err(Error::invalid(format!("`{path}` has an answer of its own")));
    }
    Ok(())
}
