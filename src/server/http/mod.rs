//! The HTTP port: whether the daemon lives, whether it is ready, and its metrics.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::daemon::{Condition, Daemon};

mod limited;

pub use limited::Limited;

/// The content type of Prometheus' text form.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves until `stopped` is done.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: Limited,
    daemon: Arc<Daemon>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(daemon)).with_graceful_shutdown(stopped).await
}

fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(daemon)
}

/// The process answers: that is all that is asked.
async fn livez() -> &'static str {
    "ok\n"
}

/// Ready to take requests; with `?verbose` every condition on a line of its own, and what needs an operator's eye.
async fn readyz(State(daemon): State<Arc<Daemon>>, RawQuery(query): RawQuery) -> Response {
    let conditions = daemon.readiness();
    let ready = conditions.iter().all(|condition| condition.met);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut text = String::new();
    if is_verbose(query.as_deref()) {
        for Condition { met, text: condition } in &conditions {
            let mark = if *met { "+" } else { "-" };
            text.push_str(&format!("[{mark}] {condition}\n"));
        }
        for Condition { met, text: warning } in daemon.warnings() {
            let mark = if met { "+" } else { "!" };
            text.push_str(&format!("[{mark}] {warning}\n"));
        }
    }
    text.push_str(if ready { "ready\n" } else { "not ready\n" });
    (status, text).into_response()
}

fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|part| part == "verbose" || part.starts_with("verbose=")))
}

async fn metrics(State(daemon): State<Arc<Daemon>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], daemon.render_metrics()).into_response()
}
