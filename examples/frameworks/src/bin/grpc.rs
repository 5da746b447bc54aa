//! tonic: the layer counts calls, and the page is on the port of the calls.
//!
//! The route of a call is its method, which is one of few: a client can ask for any other path.

use std::net::TcpListener;

use axum::routing::get;
use headcount_example_frameworks::{Result, run};
use headcount_tower::{MetricsLayer, metrics};

const METHODS: [&str; 2] = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];

fn serve(listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (_reporter, health) = tonic_health::server::health_reporter();
        let layer = MetricsLayer::new().route_by(|uri, _| {
            METHODS.into_iter().find(|method| *method == uri.path()).map(Into::into)
        });
        let routes = tonic::service::Routes::new(health).prepare().into_axum_router();
        let routes = routes.layer(layer).route("/metrics", get(metrics));
        axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await?;
        Ok(())
    })
}

fn main() -> Result<()> {
    run(serve)
}
