//! The page for people at `/`: its files, and the headers that they are sent with.
//!
//! The browser does all the work: `page/` is plain HTML, CSS and JavaScript, which nothing
//! translates. Everything that comes from a directory reaches the document as text. The headers
//! forbid the browser whatever the page does not need, so that a mistake there stays harmless.

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};

use crate::expose::Pieces;

/// The path of the state.
pub(super) const STATE: &str = "/api/state";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal)*) => {
        &[$(($path, $kind, include_str!(concat!("page/", $file)))),*]
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
    "/page/native.js" SCRIPT "native.js"
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
pub(super) fn asset(path: &str) -> Option<Response<Pieces>> {
    let (_, kind, content) = ASSETS.iter().find(|(known, ..)| *known == path)?;
    // A newer version is seen at the next look.
    Some(response(kind, "no-cache", content.as_bytes().to_vec()))
}

pub(super) fn response(
    kind: &'static str,
    cache: &'static str,
    bytes: Vec<u8>,
) -> Response<Pieces> {
    let mut response = Response::new(Pieces::from(bytes));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
