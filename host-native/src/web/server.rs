//! What a browser that asks for the page is answered.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::page::Page;
use crate::admin::listener::AdminListener;

/// How long answers under way may take once the server is told to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the page may do: the policy that stands in it, for every answer, and that nobody frames it,
/// which only a header can say.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' blob:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// What every answer says, the refusals too.
const ALWAYS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
];

/// Asked for each time: the page, its service worker, and whatever keeps its name in a new build.
const ASK_AGAIN: &str = "no-cache";

/// A name that carries a hash of the content never means another content.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Digits in the hash of a name.
const HASH_LEN: usize = 8;

/// Answers on `listener` until `stop` is ready.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    page: Page,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .fallback(get(answer))
        .layer(map_response(with_policy))
        .with_state(Arc::new(page));
    let (stopping, told) = oneshot::channel::<()>();
    let server =
        axum::serve(AdminListener::new(listener), router).with_graceful_shutdown(async move {
            stop.await;
            drop(stopping);
        });
    let given_up = async {
        let _ = told.await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        served = server => served,
        () = given_up => Ok(()),
    }
}

/// GET, and HEAD without the content. The path is looked up as it was sent: the names of a page
/// need no escapes, and what is not a name leads nowhere.
async fn answer(State(page): State<Arc<Page>>, uri: Uri) -> Response {
    match page.at(uri.path()) {
        Some((name, content)) => {
            let headers = [
                (CONTENT_TYPE, content_type(name)),
                (CACHE_CONTROL, caching(name)),
            ];
            (headers, content).into_response()
        }
        None => {
            let headers = [(CACHE_CONTROL, ASK_AGAIN)];
            let why = "kraft: there is no such file; the page is at /\n";
            (StatusCode::NOT_FOUND, headers, why).into_response()
        }
    }
}

async fn with_policy(mut answer: Response) -> Response {
    let headers: &mut HeaderMap = answer.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A browser compiles wasm as it arrives, and runs a script at all, only under the right type.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Vite names an asset `name-HASH.extension`, and what is copied as it was.
fn caching(name: &str) -> &'static str {
    let digits = |hash: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        hash.bytes().all(known)
    };
    let hashed = name.strip_prefix("assets/").is_some_and(|name| {
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        let split = stem.len().checked_sub(HASH_LEN);
        let parts = split.and_then(|at| stem.split_at_checked(at));
        parts.is_some_and(|(start, hash)| start.ends_with('-') && digits(hash))
    });
    if hashed { KEEP } else { ASK_AGAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_hash_is_kept() {
        for hashed in ["assets/index-DWpLy2Js.js", "assets/wasm_bg-t-a_jTi7.wasm"] {
            assert_eq!(caching(hashed), KEEP, "{hashed}");
        }
        for plain in [
            "index.html",
            "sw.js",
            "sw-DWpLy2Js.js",
            "assets/index.js",
            "assets/index-short.js",
            "assets/indexDWpLy2Js.js",
            "assets/index-123456ü.js",
            "assets/-ü1234567.js",
            "assets/",
        ] {
            assert_eq!(caching(plain), ASK_AGAIN, "{plain}");
        }
    }

    #[test]
    fn the_policy_is_the_one_in_the_page() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-demo/index.html");
        let page = std::fs::read_to_string(file).unwrap();
        let (_, after) = page.split_once("\"Content-Security-Policy\"").unwrap();
        let policy = after.split('"').nth(1).unwrap();
        assert_eq!(POLICY, format!("{policy}; frame-ancestors 'none'"));
    }
}
