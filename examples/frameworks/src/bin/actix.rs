//! actix-web: attributes count the handlers, and `render` makes the page.
//!
//! The types of its requests are older than those of `http` 1, so it passes the header itself.

use std::net::TcpListener;

use actix_web::http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use headcount::{Scrape, count_exceptions, counted, in_progress, timed};
use headcount_example_frameworks::{Result, run};

#[counted(name = "greetings_total", help = "Greetings.", labels(polite = !name.is_empty()), outcome)]
#[timed]
#[in_progress]
#[count_exceptions]
async fn greet(name: String) -> Result<String, actix_web::Error> {
    if name == "nobody" {
        return Err(actix_web::error::ErrorNotFound("nobody is here\n"));
    }
    Ok(format!("Hello, {name}!\n"))
}

async fn metrics(request: HttpRequest) -> HttpResponse {
    let header = |name: HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let scrape = Scrape::new()
        .method(request.method().as_str())
        .accept(header(ACCEPT))
        .accept_encoding(header(ACCEPT_ENCODING))
        .query(request.query_string());
    match headcount::render(scrape) {
        Ok(page) => {
            let mut response = HttpResponse::build(page.status().try_into().unwrap_or_default());
            for header in page.headers() {
                response.insert_header(header);
            }
            response.body(page.into_body())
        }
        Err(error) => HttpResponse::ServiceUnavailable().body(error.to_string()),
    }
}

fn serve(listener: TcpListener) -> Result<()> {
    // actix's own threads begin here, after the fork.
    actix_web::rt::System::new().block_on(async {
        let app = || {
            App::new()
                .route(
                    "/hello/{name}",
                    web::get().to(|name: web::Path<String>| greet(name.into_inner())),
                )
                .route("/metrics", web::get().to(metrics))
                .route("/metrics", web::head().to(metrics))
        };
        HttpServer::new(app).workers(2).listen(listener)?.run().await
    })?;
    Ok(())
}

fn main() -> Result<()> {
    run(serve)
}
