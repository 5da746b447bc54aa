//! `headcount.bridge` in real servers, below libraries that stand on `prometheus_client`: the sums
//! are right under load while workers are killed. And one library serves each Python.

use headcount_tests::python::{run, run_with};

#[test]
#[ignore = "needs Python with Flask, gunicorn, gevent and uWSGI: tests/run prepares it"]
fn flask_counts_under_gunicorn_and_uwsgi() {
    println!("{}", run_with("test_server_flask.py", &[]));
}

#[test]
#[ignore = "needs Python with FastAPI, Starlette, uvicorn and granian: tests/run prepares it"]
fn fastapi_and_starlette_count_under_uvicorn_and_granian() {
    run("test_server_asgi.py");
}

#[test]
#[ignore = "needs Python with Django and gunicorn: tests/run prepares it"]
fn django_counts_under_gunicorn() {
    run("test_server_django.py");
}

#[test]
#[ignore = "needs Python with Celery: tests/run prepares it"]
fn celery_counts_in_its_pool() {
    let program = headcount_tests::server::program("headcount");
    run_with("test_server_celery.py", &[("HEADCOUNT_PROGRAM", &program)]);
}

#[test]
#[ignore = "needs Python with prometheus-client: tests/run prepares it"]
fn one_library_serves_each_python() {
    println!("{}", run_with("test_every_python.py", &[]));
}
