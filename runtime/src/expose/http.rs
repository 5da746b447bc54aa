//! Feature `http`: from requests and into responses of the crate `http`, which is that of hyper,
//! axum, tower, tonic and warp.

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};

use super::{Exposition, Scrape};

/// The method, the headers and the query of a request.
impl<'a, B> From<&'a Request<B>> for Scrape<'a> {
    fn from(request: &'a Request<B>) -> Self {
        of_uri(Self::from(request.headers()), request.uri()).method(request.method().as_str())
    }
}

/// The method, the headers and the query of a request.
impl<'a> From<&'a Parts> for Scrape<'a> {
    fn from(request: &'a Parts) -> Self {
        of_uri(Self::from(&request.headers), &request.uri).method(request.method.as_str())
    }
}

/// The headers of a request for all families.
impl<'a> From<&'a HeaderMap> for Scrape<'a> {
    fn from(headers: &'a HeaderMap) -> Self {
        // A value that is not text is as good as none.
        let joined = |name: HeaderName| -> String {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.collect::<Vec<_>>().join(",")
        };
        Self::new().accept(joined(ACCEPT)).accept_encoding(joined(ACCEPT_ENCODING))
    }
}

fn of_uri<'a>(scrape: Scrape<'a>, uri: &Uri) -> Scrape<'a> {
    scrape.query(uri.query().unwrap_or_default())
}

/// A response with the exposition's status, headers and body. `B` is the body of any framework that
/// takes bytes: `axum::body::Body`, `http_body_util::Full<Bytes>`, `Vec<u8>`. Of an exposition in
/// pieces it is [`Pieces`](crate::Pieces) itself.
///
/// # Examples
///
/// ```
/// let request = http::Request::get("/metrics").header("accept", "*/*").body(())?;
/// let response: http::Response<Vec<u8>> = headcount::render(&request)?.into();
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.headers()["vary"], "Accept, Accept-Encoding");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<A, B: From<A>> From<Exposition<A>> for Response<B> {
    fn from(exposition: Exposition<A>) -> Self {
        let status = StatusCode::from_u16(exposition.status()).unwrap_or(StatusCode::OK);
        let headers = exposition.headers();
        let mut response = Self::new(B::from(exposition.into_body()));
        *response.status_mut() = status;
        for (name, value) in headers {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_it_asks_for() {
        let request = Request::head("/m?name[]=a&name%5B%5D=b")
            .header("accept", "text/plain")
            .header("accept", "*/*;q=0.1")
            .header("accept-encoding", "br")
            .header("accept-encoding", "gzip")
            .body(());
        let request = request.unwrap();
        let expected = Scrape::new()
            .accept("text/plain,*/*;q=0.1")
            .accept_encoding("br,gzip")
            .names(["a", "b"])
            .method("HEAD");
        assert_eq!(Scrape::from(&request), expected);
        assert_eq!(Scrape::from(&request.into_parts().0), expected);
    }

    #[test]
    fn a_response_is_the_exposition() {
        let exposition = Exposition::method_not_allowed();
        let response = Response::<Vec<u8>>::from(exposition.clone());
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET, HEAD");
        assert_eq!(response.headers().len(), exposition.headers().count());
        assert_eq!(response.body(), exposition.body());
    }
}
