//! The page for people at `/`: its files, the headers that they are sent with, and the JSON that it
//! asks for every two seconds.
//!
//! The browser does all the work: `assets/` is plain HTML, CSS and JavaScript, which nothing
//! translates. Everything that comes from a directory reaches the document as text. The headers
//! forbid the browser whatever the page does not need, so that a mistake there stays harmless.

mod problems;
mod state;

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};

use crate::collect::Collector;
use crate::error::Error;
use crate::expose::Scrape;

use super::answer::Page;
use problems::FirstSeen;

/// The path of the state.
pub(super) const STATE: &str = "/api/state";

/// How long a state answers everybody who asks for it.
const FRESH: Duration = Duration::from_millis(900);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal)*) => {
        &[$(($path, $kind, include_str!(concat!("assets/", $file)))),*]
    };
}

/// Path, type and content of each file.
const ASSETS: &[(&str, &str, &str)] = assets! {
    "/" HTML "index.html"
    "/page/style.css" CSS "style.css"
    "/page/layout.css" CSS "layout.css"
    "/page/main.js" SCRIPT "main.js"
    "/page/charts.js" SCRIPT "charts.js"
    "/page/dom.js" SCRIPT "dom.js"
    "/page/families.js" SCRIPT "families.js"
    "/page/family.js" SCRIPT "family.js"
    "/page/functions.js" SCRIPT "functions.js"
    "/page/history.js" SCRIPT "history.js"
    "/page/overview.js" SCRIPT "overview.js"
    "/page/problems.js" SCRIPT "problems.js"
    "/page/processes.js" SCRIPT "processes.js"
    "/page/quantiles.js" SCRIPT "quantiles.js"
    "/page/queries.js" SCRIPT "queries.js"
    "/page/state.js" SCRIPT "state.js"
    "/page/tables.js" SCRIPT "tables.js"
    "/page/units.js" SCRIPT "units.js"
};

/// What a browser may do with the page: load its files and its data from here, and nothing else. No
/// text can become markup or a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// Whether the path is one of the page's.
pub(super) fn has(path: &str) -> bool {
    path == STATE || ASSETS.iter().any(|(known, ..)| *known == path)
}

/// The page's file at a path.
pub(super) fn asset(path: &str) -> Option<Response<Page>> {
    let (_, kind, content) = ASSETS.iter().find(|(known, ..)| *known == path)?;
    // A newer version is seen at the next look.
    Some(response(kind, "no-cache", content.as_bytes().to_vec()))
}

/// The latest states. Those who ask within a second get the same one, so that many open pages cost
/// no more than one.
#[derive(Default)]
pub(super) struct States {
    seen: RefCell<FirstSeen>,
    latest: RefCell<Option<Latest>>,
}

struct Latest {
    made: Instant,
    process: Option<[u8; 16]>,
    bytes: Vec<u8>,
}

impl States {
    /// Answers a request for the state.
    pub(super) fn answer(
        &self,
        collector: &Collector,
        metrics_path: &str,
        query: &str,
        scrape: &Scrape<'_>,
    ) -> Result<Response<Page>, Error> {
        let process = query.split('&').find_map(|one| one.strip_prefix("process="));
        let process = process.map(|text| bytes_of(text).unwrap_or_default());
        let mut latest = self.latest.borrow_mut();
        let is_fresh = |known: &Latest| known.process == process && known.made.elapsed() < FRESH;
        if !latest.as_ref().is_some_and(is_fresh) {
            let mut seen = self.seen.borrow_mut();
            let bytes = state::write(collector, metrics_path, process, &mut seen)?;
            *latest = Some(Latest { made: Instant::now(), process, bytes });
        }
        let bytes = latest.as_ref().map_or_else(Vec::new, |latest| latest.bytes.clone());
        const JSON: &str = "application/json";
        if !scrape.takes_gzip() {
            return Ok(response(JSON, "no-store", bytes));
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        // Writing to memory does not fail.
        let _ = packed.write_all(&bytes);
        let mut packed = response(JSON, "no-store", packed.finish().unwrap_or_default());
        let header = HeaderName::from_static("content-encoding");
        packed.headers_mut().insert(header, HeaderValue::from_static("gzip"));
        Ok(packed)
    }
}

fn response(kind: &'static str, cache: &'static str, bytes: Vec<u8>) -> Response<Page> {
    let mut response = Response::new(Page::from(bytes));
    for (name, value) in [
        ("content-type", kind),
        ("cache-control", cache),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// 16 bytes from 32 hexadecimal digits.
fn bytes_of(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::instance::hex;

    #[test]
    fn an_instance_is_read_as_it_is_written() {
        let instance = *b"0123456789abcdef";
        assert_eq!(bytes_of(&hex(&instance)), Some(instance));
        for wrong in ["", "+0123456789abcdef0123456789abcde", "g", &"0".repeat(33)] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
    }

    /// Everything that a file of the page names is served, and nothing is served that none names.
    #[test]
    fn the_files_name_each_other() {
        let mut named = BTreeSet::from(["/".to_owned()]);
        for (_, _, content) in ASSETS {
            for part in content.split(['"', '\'']) {
                let file = part.strip_prefix("page/").or_else(|| part.strip_prefix("./"));
                named.extend(file.map(|file| format!("/page/{file}")));
            }
        }
        let served: BTreeSet<String> = ASSETS.iter().map(|(path, ..)| (*path).to_owned()).collect();
        assert_eq!(named, served);
    }

    /// The policy would forbid these, and a page that needs them would break for everybody.
    #[test]
    fn nothing_of_the_page_makes_markup_or_styles_of_text() {
        for (path, _, content) in ASSETS {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                " style=",
                "onclick=\"",
                "javascript:",
                "http://",
                "https://",
            ] {
                // The name of a kind of element, which no browser loads.
                let content = content.replace("http://www.w3.org/2000/svg", "");
                assert!(!content.contains(word), "{path} contains {word}");
            }
        }
    }
}
