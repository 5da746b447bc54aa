//! A proxy in the manner of pingora: threads with a runtime each, which share no tasks, and an
//! upgrade without a gap. At SIGQUIT a worker starts its successor on the same listener, and ends
//! what it has begun: both generations count.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use headcount::{Counter, count_exceptions, metric, timed};
use headcount_example_frameworks::{Result, exec, run};
use headcount_tower::{MetricsLayer, MetricsPage};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nix::sys::signal::{SigSet, Signal};
use tokio::net::TcpStream;
use tower::Layer as _;

/// Requests that were sent on.
#[metric(name = "proxied_requests_total")]
fn proxied(upstream: &str) -> Counter;

static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Asks the upstream that the path names: `/<port>/<path>`.
#[timed(name = "upstream_seconds", help = "Time to an upstream's answer.")]
#[count_exceptions(name = "upstream_errors_total", help = "Upstreams without an answer.")]
async fn ask(
    request: Request<Incoming>,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let (port, path) = path.split_once('/').unwrap_or((&path, ""));
    let upstream = TcpStream::connect(("127.0.0.1", port.parse()?)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(upstream)).await?;
    tokio::task::spawn_local(connection);
    proxied("local").inc();
    let request =
        Request::get(format!("/{path}")).header("host", "upstream").body(request.into_body())?;
    Ok(sender.send_request(request).await?)
}

fn serve(listener: TcpListener) -> Result<()> {
    // Waited for, and not handled: no thread is interrupted.
    let quit = SigSet::from_iter([Signal::SIGQUIT]);
    quit.thread_block()?;
    listener.set_nonblocking(true)?;
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let listener = listener.try_clone()?;
            Ok(thread::spawn(move || work(listener).map_err(|e| e.to_string())))
        })
        .collect::<Result<_>>()?;
    quit.wait()?;
    println!("successor {}", exec(&listener, "successor")?);
    IS_ENDING.store(true, Ordering::Release);
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

/// One thread with a runtime of its own.
fn work(listener: TcpListener) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let page = MetricsPage::default();
        let proxy = tower::service_fn(move |request: Request<Incoming>| {
            let page = page.clone();
            async move {
                if request.uri().path() == "/metrics" {
                    return Ok::<_, std::convert::Infallible>(
                        page.respond(&request).map(Either::Left),
                    );
                }
                Ok(match ask(request).await {
                    Ok(response) => response.map(|body| Either::Right(Either::Left(body))),
                    Err(error) => {
                        let body = Full::new(Bytes::from(format!("{error}\n")));
                        let mut response = Response::new(Either::Right(Either::Right(body)));
                        *response.status_mut() = StatusCode::BAD_GATEWAY;
                        response
                    }
                })
            }
        });
        let layer = MetricsLayer::new().route_by(|uri, _| {
            Some(if uri.path() == "/metrics" { "/metrics" } else { "proxied" }.into())
        });
        let service = TowerToHyperService::new(layer.layer(proxy));
        let mut tasks = Vec::new();
        while !IS_ENDING.load(Ordering::Acquire) {
            let accepted = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
            let Ok(accepted) = accepted else { continue };
            let (stream, _) = accepted?;
            let service = service.clone();
            tasks.push(tokio::task::spawn_local(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                let _ = connection.await;
            }));
            tasks.retain(|task| !task.is_finished());
        }
        for task in tasks {
            let _ = task.await;
        }
        Ok(())
    })
}

fn main() -> Result<()> {
    run(serve)
}
