//! One push: a request that is repeated until the gateway has answered, or the time is over.

use std::io;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};

use crate::error::{Error, ErrorKind};

/// The most of an answer that is read: a gateway gives its reason in one line.
const MOST_OF_ANSWER: u64 = 2 << 10;
/// The pause after the first failure. It doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whom to ask, and how.
#[derive(Clone)]
pub(super) struct Gateway {
    pub(super) credentials: Option<(String, String)>,
    /// A file with the certificates to trust, in place of the machine's.
    #[cfg(feature = "tls")]
    pub(super) ca_file: Option<std::path::PathBuf>,
    pub(super) timeout: Duration,
}

impl Gateway {
    /// Sends a request until it is answered with success.
    ///
    /// Failures that may pass (no connection, 429, 5xx) are tried again until the time is over. A
    /// redirect is not followed: a client would have to turn a `POST` into a `GET`, and would
    /// believe that it has pushed.
    pub(super) fn send(
        &self,
        method: &Method,
        address: &str,
        content_type: &'static str,
        body: &[u8],
    ) -> Result<(), Error> {
        let deadline = Instant::now().checked_add(self.timeout);
        let agent = self.agent(address)?;
        let mut pause = FIRST_PAUSE;
        let mut tries: u32 = 0;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.map(|left| left.max(Duration::from_millis(1)));
            let mut request =
                Request::builder().method(method).uri(address).header("content-type", content_type);
            if let Some((user, password)) = &self.credentials {
                let encoded = STANDARD.encode(format!("{user}:{password}"));
                request = request.header("authorization", format!("Basic {encoded}"));
            }
            let request = request.body(body).map_err(|e| refused(address, &e.to_string()))?;
            let request = agent.configure_request(request).timeout_global(left).build();
            tries = tries.saturating_add(1);
            let failure = match agent.run(request) {
                Ok(answer) => match judge(answer) {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure,
                },
                Err(error) => Failure::of(error),
            };
            let is_late = deadline
                .is_some_and(|end| Instant::now().checked_add(pause).is_none_or(|at| at >= end));
            if !failure.may_pass || is_late {
                return Err(failure.into_error(address, tries));
            }
            std::thread::sleep(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    fn agent(&self, address: &str) -> Result<Agent, Error> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The environment is the caller's, who may have fewer rights than this program.
            .proxy(None)
            .user_agent(concat!("headcount/", env!("CARGO_PKG_VERSION")))
            // Each try has a connection of its own: the gateway may have been restarted.
            .max_idle_connections(0);
        #[cfg(feature = "tls")]
        let config = if address.starts_with("https:") {
            config.tls_config(super::tls::config(self.ca_file.as_deref())?)
        } else {
            config
        };
        #[cfg(not(feature = "tls"))]
        if address.starts_with("https:") {
            return Err(refused(address, "https needs the feature `tls` of headcount"));
        }
        Ok(config.build().new_agent())
    }
}

/// Why a try failed.
struct Failure {
    kind: Kind,
    message: String,
    /// Whether the same request may succeed in a moment.
    may_pass: bool,
}

enum Kind {
    Unreachable(io::Error),
    Late,
    Rejected,
}

impl Failure {
    fn of(error: ureq::Error) -> Self {
        let message = error.to_string();
        match error {
            ureq::Error::Timeout(_) => {
                let message = "no answer in time".to_owned();
                Self { kind: Kind::Late, message, may_pass: false }
            }
            // What a library for TLS says of a certificate: another try gets the same one.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self { message: error.to_string(), kind: Kind::Unreachable(error), may_pass: false }
            }
            ureq::Error::Io(error) => {
                Self { message: error.to_string(), kind: Kind::Unreachable(error), may_pass: true }
            }
            // The last one is an answer that is no HTTP.
            error @ (ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Protocol(_)) => {
                Self { kind: Kind::Unreachable(error.into_io()), message, may_pass: true }
            }
            error => Self { kind: Kind::Unreachable(error.into_io()), message, may_pass: false },
        }
    }

    fn into_error(self, address: &str, tries: u32) -> Error {
        let repeated = if tries > 1 { format!(" (tried {tries} times)") } else { String::new() };
        let message = format!("{address}: can't push: {}{repeated}", self.message);
        Error::new(match self.kind {
            Kind::Unreachable(source) => ErrorKind::Unreachable { message, source: source.into() },
            Kind::Late => ErrorKind::Timeout { message },
            Kind::Rejected => ErrorKind::Rejected { message },
        })
    }
}

/// Whether an answer is success: nothing but a 2xx is.
fn judge(answer: Response<Body>) -> Result<(), Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let message = if status.is_redirection() {
        let to = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let to = to.map_or_else(String::new, |to| format!(" to {to}"));
        format!("the answer is a redirect{to}, which a push does not follow")
    } else {
        let text = answer.into_body().into_with_config().limit(MOST_OF_ANSWER).read_to_string();
        let text = text.unwrap_or_default();
        let reason = status.canonical_reason().unwrap_or_default();
        let first = text.lines().next().unwrap_or_default().trim();
        format!("the gateway answered {} {reason}: {first}", status.as_u16())
            .trim_end_matches([':', ' '])
            .to_owned()
    };
    let may_pass = status.is_server_error() || status.as_u16() == 429;
    Err(Failure { kind: Kind::Rejected, message, may_pass })
}

fn refused(address: &str, reason: &str) -> Error {
    Error::invalid(format!("{address}: {reason}"))
}
