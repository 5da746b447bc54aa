//! Our attributes beside those of web frameworks, above and below them.

mod counts;

use std::net::Ipv4Addr;

use actix_web::http::StatusCode;
use counts::{calls, exceptions};
use headcount::{count_exceptions, counted, in_progress, timed};

mod of_actix {
    use super::*;
    use actix_web::{HttpResponse, Responder, get, post, route, web};

    #[get("/above/{number}")]
    #[counted]
    #[timed]
    #[count_exceptions]
    pub(super) async fn below_get(number: web::Path<u32>) -> actix_web::Result<HttpResponse> {
        let number = number.into_inner();
        if number == 0 {
            return Err(actix_web::error::ErrorNotFound("none"));
        }
        Ok(HttpResponse::Ok().body(number.to_string()))
    }

    #[counted]
    #[in_progress]
    #[post("/below")]
    pub(super) async fn above_post(body: String) -> impl Responder {
        body
    }

    #[counted]
    #[route("/route", method = "GET", method = "HEAD")]
    #[count_exceptions]
    pub(super) async fn around_route() -> Result<String, actix_web::Error> {
        Ok("route".to_owned())
    }
}

#[actix_web::test]
async fn actix_s_routes() {
    use actix_web::test::{TestRequest, call_service, init_service};
    let app = actix_web::App::new()
        .service(of_actix::below_get)
        .service(of_actix::above_post)
        .service(of_actix::around_route);
    let app = init_service(app).await;
    for (request, status) in [
        (TestRequest::get().uri("/above/1"), StatusCode::OK),
        (TestRequest::get().uri("/above/0"), StatusCode::NOT_FOUND),
        (TestRequest::post().uri("/below"), StatusCode::OK),
        (TestRequest::get().uri("/route"), StatusCode::OK),
    ] {
        assert_eq!(call_service(&app, request.to_request()).await.status(), status);
    }
    // The function is in the method of a type that has its name.
    for (name, called, failed) in
        [("below_get", 2, 1), ("above_post", 1, 0), ("around_route", 1, 0)]
    {
        let name = format!("{name}::register::{name}");
        assert_eq!((calls(&name), exceptions(&name)), (called, failed), "{name}");
    }
}

#[counted]
#[actix_web::test]
async fn above_actix_s_test() {
    actix_web::rt::task::yield_now().await;
    assert_eq!(calls("above_actix_s_test"), 1);
}

mod of_axum {
    use super::*;
    use axum::debug_handler;
    use axum::extract::Path;
    use axum::http::StatusCode as Status;

    #[debug_handler]
    #[counted]
    #[count_exceptions]
    pub(super) async fn below_debug(Path(number): Path<u32>) -> Result<String, Status> {
        if number == 0 { Err(Status::NOT_FOUND) } else { Ok(number.to_string()) }
    }

    #[counted]
    #[timed]
    #[count_exceptions]
    #[debug_handler]
    pub(super) async fn above_debug(body: String) -> Result<String, Status> {
        Ok(body)
    }
}

#[tokio::test]
async fn axum_s_debug_handler() {
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::{get, post};
    use tower::ServiceExt;

    let app: axum::Router = axum::Router::new()
        .route("/below/{number}", get(of_axum::below_debug))
        .route("/above", post(of_axum::above_debug));
    for (request, status) in [
        (Request::get("/below/1"), 200),
        (Request::get("/below/0"), 404),
        (Request::post("/above"), 200),
    ] {
        let request = request.body(Body::empty()).expect("a request");
        let response = app.clone().oneshot(request).await.expect("a response");
        assert_eq!(response.status().as_u16(), status);
    }
    assert_eq!((calls("below_debug"), exceptions("below_debug")), (2, 1));
    assert_eq!((calls("above_debug"), exceptions("above_debug")), (1, 0));
}

mod of_rocket {
    use super::*;
    use rocket::http::Status;
    use rocket::{get, post};

    #[get("/below/<number>")]
    #[counted]
    #[count_exceptions]
    pub(super) fn below_get_of_rocket(number: u32) -> Result<String, Status> {
        if number == 0 { Err(Status::NotFound) } else { Ok(number.to_string()) }
    }

    #[counted]
    #[count_exceptions]
    #[post("/above")]
    pub(super) async fn above_post_of_rocket() -> Result<&'static str, Status> {
        tokio::task::yield_now().await;
        Ok("above")
    }
}

#[test]
fn rocket_s_routes() {
    use rocket::local::blocking::Client;
    let config = rocket::Config { address: Ipv4Addr::LOCALHOST.into(), ..Default::default() };
    let routes = rocket::routes![of_rocket::below_get_of_rocket, of_rocket::above_post_of_rocket];
    let client = Client::untracked(rocket::custom(config).mount("/", routes)).expect("a client");
    assert_eq!(client.get("/below/1").dispatch().status().code, 200);
    assert_eq!(client.get("/below/0").dispatch().status().code, 404);
    assert_eq!(client.post("/above").dispatch().status().code, 200);
    let name = "below_get_of_rocket";
    assert_eq!((calls(name), exceptions(name)), (2, 1));
    assert_eq!(calls("above_post_of_rocket"), 1);
}
