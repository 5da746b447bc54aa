//! The latest state that the page asked for. Those who ask within a second get the same one, so
//! that many open pages cost no more than one.

use std::cell::RefCell;
use std::io::Write;
use std::time::{Duration, Instant};

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};

use crate::collect::Collector;
use crate::error::Error;
use crate::expose::{Pieces, Scrape};
use crate::model::instance::InstanceId;

use super::page_files::response;
use super::page_problems::FirstSeen;
use super::page_state;

/// How long a state answers everybody who asks for it.
const FRESH: Duration = Duration::from_millis(900);

const JSON: &str = "application/json";

/// The latest state, and since when its problems are known.
#[derive(Default)]
pub(super) struct States {
    seen: RefCell<FirstSeen>,
    latest: RefCell<Option<Latest>>,
}

struct Latest {
    made: Instant,
    process: Option<InstanceId>,
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
    ) -> Result<Response<Pieces>, Error> {
        let process = query.split('&').find_map(|one| one.strip_prefix("process="));
        let process = process.map(|text| bytes_of(text).unwrap_or_default());
        let mut latest = self.latest.borrow_mut();
        let is_fresh = |known: &Latest| known.process == process && known.made.elapsed() < FRESH;
        if !latest.as_ref().is_some_and(is_fresh) {
            let mut seen = self.seen.borrow_mut();
            let bytes = page_state::write(collector, metrics_path, process, &mut seen)?;
            *latest = Some(Latest { made: Instant::now(), process, bytes });
        }
        let bytes = latest.as_ref().map_or_else(Vec::new, |latest| latest.bytes.clone());
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

/// 16 bytes from 32 hexadecimal digits.
fn bytes_of(text: &str) -> Option<InstanceId> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
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
}
