//! One request: from the call to the end of its body.

use std::borrow::Cow;

use headcount::{Gauge, Histogram, InProgress, Timer, metric};
use http::{Extensions, Method, StatusCode, Uri};

/// Duration of HTTP requests, until the end of the response.
#[metric(name = "http_server_request_duration_seconds", unit = "seconds")]
fn duration(
    http_request_method: &str,
    http_route: &str,
    http_response_status_code: Option<u16>,
    error_type: &str,
) -> Histogram;

/// HTTP requests in flight.
#[metric(name = "http_server_active_requests", mode = "livesum")]
fn active(http_request_method: &str) -> Gauge;

/// How a request's route is found: see [`MetricsLayer::route_by`](crate::MetricsLayer::route_by).
pub(crate) type RouteBy = dyn Fn(&Uri, &Extensions) -> Option<Cow<'static, str>> + Send + Sync;

#[derive(Debug)]
enum Route {
    None,
    Text(Cow<'static, str>),
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
}

impl Route {
    fn of(uri: &Uri, extensions: &Extensions, by: Option<&RouteBy>) -> Self {
        if let Some(by) = by {
            return by(uri, extensions).map_or(Self::None, Self::Text);
        }
        #[cfg(feature = "axum")]
        if let Some(path) = extensions.get::<axum::extract::MatchedPath>() {
            return Self::Matched(path.clone());
        }
        Self::None
    }

    fn text(&self) -> &str {
        match self {
            Self::None => "",
            Self::Text(text) => text,
            #[cfg(feature = "axum")]
            Self::Matched(path) => path.as_str(),
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As its response says.
    Whole,
    Cancelled,
    Panic,
    Error,
}

/// A request in flight. It records when it is ended or dropped: one that is dropped was cancelled.
#[derive(Debug)]
pub(crate) struct Record {
    method: &'static str,
    route: Route,
    status: Option<StatusCode>,
    /// `None`: it has recorded.
    running: Option<(Timer<Gauge>, InProgress)>,
}

impl Record {
    pub(crate) fn begin(
        method: &Method,
        uri: &Uri,
        extensions: &Extensions,
        route_by: Option<&RouteBy>,
    ) -> Self {
        let method = known(method);
        let gauge = active(method);
        Self {
            method,
            route: Route::of(uri, extensions, route_by),
            status: None,
            // The timer ends with another metric: the labels are known at the end.
            running: Some((gauge.start_timer(), gauge.track_in_progress())),
        }
    }

    /// Notes the status. Returns whether the response ends here, since it has no body.
    pub(crate) fn respond(&mut self, status: StatusCode) -> bool {
        self.status = Some(status);
        let is_switched = status == StatusCode::SWITCHING_PROTOCOLS
            || (self.method == "CONNECT" && status.is_success());
        let has_no_body = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        is_switched || has_no_body || self.method == "HEAD"
    }

    pub(crate) fn end(&mut self, end: End) {
        let Some((timer, in_progress)) = self.running.take() else { return };
        let status = self.status.map(|status| status.as_u16());
        let error = match end {
            End::Whole => self.status.filter(StatusCode::is_server_error),
            End::Cancelled | End::Panic | End::Error => None,
        };
        let error = match end {
            End::Whole => error.as_ref().map_or("", StatusCode::as_str),
            End::Cancelled => "cancelled",
            End::Panic => "panic",
            End::Error => "error",
        };
        timer.stop_as(duration(self.method, self.route.text(), status, error));
        drop(in_progress);
    }

    /// Calls code that may panic. A panic ends the request, and goes on.
    pub(crate) fn watch<T>(&mut self, code: impl FnOnce() -> T) -> T {
        struct Watched<'a>(&'a mut Record);
        impl Drop for Watched<'_> {
            fn drop(&mut self) {
                self.0.end(End::Panic);
            }
        }
        let watched = Watched(self);
        let value = code();
        std::mem::forget(watched);
        value
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}

/// A method as a label. A client can send any text, so others are one.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        "QUERY" => "QUERY",
        _ => "_OTHER",
    }
}
