//! Feature `web-config`: who gets an answer. The file is read anew for each connection and each
//! request, so a change holds at once, and a file that is broken lets nobody in.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::Response;
use rustls::{ServerConfig, ServerConnection};

use crate::expose::{Exposition, Pieces};

use super::serving::Shared;
use super::web_config::{Rate, WebConfig};
use super::web_users::Users;

/// Whether somebody is let in; or what the others are answered.
pub(super) type Verdict = Result<(), Box<Response<Pieces>>>;

/// What guards a server.
pub(super) struct Security {
    path: PathBuf,
    /// Of the last file that could be read: a client of a broken one is told so. `None`: the server
    /// began without TLS.
    tls: RefCell<Option<Arc<ServerConfig>>>,
    users: RefCell<Users>,
    bucket: RefCell<Option<Bucket>>,
}

/// How many requests are answered now.
struct Bucket {
    rate: Rate,
    tokens: f64,
    since: Instant,
}

impl Security {
    /// `first` is what the file said when the server was started.
    pub(super) fn new(path: PathBuf, first: WebConfig, shared: Arc<Shared>) -> Self {
        Self {
            path,
            tls: RefCell::new(first.tls.map(|tls| tls.config)),
            users: RefCell::new(Users::new(shared)),
            bucket: RefCell::default(),
        }
    }

    /// TLS for a new connection. `None` if the server has none.
    pub(super) fn new_connection(&self) -> Option<Result<ServerConnection, rustls::Error>> {
        let mut known = self.tls.borrow_mut();
        let known = known.as_mut()?;
        if let Ok(WebConfig { tls: Some(tls), .. }) = WebConfig::read(&self.path) {
            *known = tls.config;
        }
        Some(ServerConnection::new(Arc::clone(known)))
    }

    /// Begins to judge a request.
    pub(super) fn begin(&self) -> Result<WebConfig, Box<Response<Pieces>>> {
        // The reason names files and settings, which are nobody's business but the operator's.
        let refused = |why: &dyn std::fmt::Display| {
            log::warn!("headcount: {}: nobody is served: {why}", self.path.display());
            let message = "the web configuration cannot be used: see the server's log";
            Err(Box::new(Exposition::message(500, message).into()))
        };
        let config = match WebConfig::read(&self.path) {
            Ok(config) => config,
            Err(e) => return refused(&e),
        };
        if config.tls.is_some() != self.tls.borrow().is_some() {
            return refused(&"TLS is turned on or off when the server is started anew");
        }
        if config.rate.is_some_and(|rate| !self.takes_token(rate)) {
            return Err(Box::new(Exposition::message(429, "too many requests").into()));
        }
        Ok(config)
    }

    /// Judges a request. `Pending`: its password is being checked.
    pub(super) fn judge(&self, config: &WebConfig, headers: &HeaderMap) -> Poll<Verdict> {
        let is_known = if config.users.is_empty() {
            Poll::Ready(true)
        } else {
            credentials(headers).map_or(Poll::Ready(false), |(name, password)| {
                self.users.borrow_mut().check(&config.users, &name, &password)
            })
        };
        is_known.map(|is_known| {
            if is_known {
                return Ok(());
            }
            let mut refused = Response::from(Exposition::message(401, "unauthorized"));
            let scheme = HeaderValue::from_static("Basic");
            refused.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            Err(Box::new(refused))
        })
    }

    fn takes_token(&self, rate: Rate) -> bool {
        let mut bucket = self.bucket.borrow_mut();
        let full = || Bucket { rate, tokens: f64::from(rate.burst), since: Instant::now() };
        let bucket = bucket.get_or_insert_with(full);
        if bucket.rate != rate {
            *bucket = full();
        }
        let passed = bucket.since.elapsed().as_secs_f64() / rate.interval.as_secs_f64();
        bucket.tokens = (bucket.tokens + passed).min(f64::from(rate.burst));
        bucket.since = Instant::now();
        let has_one = bucket.tokens >= 1.0;
        if has_one {
            bucket.tokens -= 1.0;
        }
        has_one
    }
}

/// The name and the password of a request.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded =
        STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_browsers_send_them() {
        let read = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            credentials(&HeaderMap::from_iter([(AUTHORIZATION, value)]))
        };
        let alice = Some(("alice".to_owned(), "a:b".to_owned()));
        assert_eq!(read("Basic YWxpY2U6YTpi"), alice);
        assert_eq!(read("basic  YWxpY2U6YTpi "), alice);
        for wrong in ["", "Basic", "Basic YWxpY2U", "Basic !", "Bearer YWxpY2U6YTpi"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(credentials(&HeaderMap::new()), None);
    }
}
