//! What a request is answered.

use std::cell::RefCell;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response};

use crate::collect::Collector;
use crate::error::Error;
use crate::expose::{Exposition, Scrape};
use crate::model::Snapshot;

use super::page_cache::States;
use super::page_files;
#[cfg(feature = "web-config")]
use super::web_security::Security;

/// A body that is there.
#[derive(Debug)]
pub(super) struct Page(Option<Bytes>);

impl From<Vec<u8>> for Page {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Collects and answers.
pub(super) struct Answers {
    collector: Collector,
    path: String,
    /// What was collected for the requests of this round: all had arrived before.
    shared: RefCell<Option<Collected>>,
    states: States,
    #[cfg(feature = "web-config")]
    security: Option<Security>,
}

/// A snapshot, or why there is none.
type Collected = Result<Rc<Snapshot>, String>;

impl Answers {
    pub(super) fn new(collector: Collector, path: String) -> Self {
        Self {
            collector,
            path,
            shared: RefCell::new(None),
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

    /// To be called when all requests that have arrived are read.
    pub(super) fn begin_round(&self) {
        self.shared.replace(None);
    }

    pub(super) fn answer(&self, request: &Request<Incoming>) -> Response<Page> {
        let scrape = Scrape::from(request);
        let path = request.uri().path();
        if !scrape.is_allowed() {
            Exposition::method_not_allowed().into()
        } else if path == self.path {
            self.page(&scrape).into()
        } else if path == "/healthz" {
            self.health().into()
        } else if path == page_files::STATE {
            self.state(request.uri().query().unwrap_or_default(), &scrape)
        } else {
            page_files::asset(path).unwrap_or_else(|| Exposition::not_found().into())
        }
    }

    fn page(&self, scrape: &Scrape<'_>) -> Exposition {
        let collected = if scrape.wanted().is_empty() {
            self.shared.borrow_mut().get_or_insert_with(|| collect(&self.collector)).clone()
        } else {
            collect(&self.collector.clone().names(scrape.wanted()))
        };
        match collected {
            Ok(snapshot) => snapshot.render(scrape.clone()),
            Err(reason) => Exposition::unavailable(&reason),
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
    fn state(&self, query: &str, scrape: &Scrape<'_>) -> Response<Page> {
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
    pub(super) fn response(&mut self, answer: impl FnOnce() -> Response<Page>) -> Response<Page> {
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
    fn with_headers(&self, mut response: Response<Page>) -> Response<Page> {
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
        Ok(Ok(snapshot)) => Ok(Rc::new(snapshot)),
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
