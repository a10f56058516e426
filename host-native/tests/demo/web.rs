//! The live page as a browser gets it from `kraft demo --web`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::e2e;
use crate::e2e::process::Program;

const WASM: &str = "/assets/node-Ab3-_x9Z.wasm";

/// A page with a file of every sort, and one beside it that is nobody's business.
fn built() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("secret", &b"not for browsers"[..]),
        ("dist/index.html", b"<!doctype html><title>kraft</title>"),
        ("dist/sw.js", b"// the service worker"),
        ("dist/icon.svg", b"<svg/>"),
        ("dist/assets/index-Zz8_12-q.js", b"export {};"),
        ("dist/assets/index-Zz8_12-q.css", b"p {}"),
        (&format!("dist{WASM}"), b"\0asm\x01\0\0\0"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// A server of a page. It ends with its test.
struct Served {
    program: Program,
    address: SocketAddr,
    said: Value,
}

impl Served {
    fn start(words: &[&str]) -> Self {
        let mut command = e2e::kraft();
        command
            .args(["demo", "--web", "--port", "0", "--json"])
            .args(words)
            .stdout(Stdio::piped());
        let mut program = Program::start(&mut command);
        let line = program.first_line();
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["url"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap();
        let address = address.strip_suffix('/').unwrap().parse().unwrap();
        Self {
            program,
            address,
            said,
        }
    }

    fn of(dist: &Path) -> Self {
        Self::start(&["--from", dist.to_str().unwrap()])
    }

    fn ask(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(e2e::PATIENCE)).unwrap();
        let asked = format!("{method} {path} HTTP/1.1\r\nHost: kraft\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let body = bytes.split_off(end.unwrap() + 4);
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path)
    }

    /// Sends a signal, and returns the exit code.
    fn signal(&mut self, name: &str) -> Option<i32> {
        self.program.signal(name);
        self.program.wait().code()
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let (_, value) = found.next().unwrap_or_default();
        assert_eq!(found.next(), None, "{name} twice in {}", self.head);
        value
    }
}

/// `kraft demo --web` that is expected not to serve anything.
fn refused(words: &[&str]) -> Output {
    let mut command = e2e::kraft();
    command.args(["demo", "--web"]).args(words);
    e2e::process::output(&mut command)
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_browser_gets_every_file_under_its_type_and_may_keep_what_cannot_change() {
    let dir = built();
    let served = Served::of(&dir.path().join("dist"));
    assert!(served.address.ip().is_loopback());
    assert_eq!(served.said["files"], 6);
    for (path, content_type, caching) in [
        ("/", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/?seed=7", "text/html; charset=utf-8", "no-cache"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/icon.svg", "image/svg+xml", "no-cache"),
        (
            "/assets/index-Zz8_12-q.js",
            "text/javascript; charset=utf-8",
            "immutable",
        ),
        (
            "/assets/index-Zz8_12-q.css",
            "text/css; charset=utf-8",
            "immutable",
        ),
        (WASM, "application/wasm", "immutable"),
    ] {
        let got = served.get(path);
        assert_eq!(got.status, 200, "{path}: {}", got.head);
        assert_eq!(got.header("content-type"), content_type, "{path}");
        let kept = got.header("cache-control");
        assert!(kept.contains(caching), "{path}: {kept}");
        let length = got.body.len().to_string();
        assert_eq!(got.header("content-length"), length, "{path}");
        let policy = got.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
        assert!(policy.ends_with("frame-ancestors 'none'"));
        assert_eq!(got.header("x-content-type-options"), "nosniff");

        let head = served.ask("HEAD", path);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), length, "{path}");
        assert_eq!(head.header("content-type"), content_type, "{path}");
    }
    assert_eq!(served.get(WASM).body, b"\0asm\x01\0\0\0");
}

#[test]
fn a_path_that_is_no_file_of_the_page_leads_nowhere() {
    let dir = built();
    let served = Served::of(&dir.path().join("dist"));
    let absolute = dir.path().join("secret").display().to_string();
    for path in [
        "/nothing.js",
        "/assets",
        "/assets/",
        "/../secret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/..\\secret",
        "/%2e%2e%5csecret",
        "//index.html",
        &absolute,
        &format!("/{absolute}"),
        "/index.html%00",
    ] {
        let got = served.get(path);
        assert_eq!(got.status, 404, "{path}: {}", got.head);
        assert!(got.body.ends_with(b"the page is at /\n"), "{path}");
        assert!(!got.header("content-security-policy").is_empty());
        assert_eq!(got.header("cache-control"), "no-cache");
    }
    let posted = served.ask("POST", "/");
    assert_eq!((posted.status, posted.header("allow")), (405, "GET,HEAD"));
}

#[test]
fn ctrl_c_ends_it_whatever_a_browser_holds_open() {
    let dir = built();
    for name in ["INT", "TERM"] {
        let mut served = Served::of(&dir.path().join("dist"));
        let idle = TcpStream::connect(served.address).unwrap();
        let mut half = TcpStream::connect(served.address).unwrap();
        half.write_all(b"GET / HT").unwrap();
        assert_eq!(served.get("/").status, 200);
        assert_eq!(served.signal(name), Some(0), "SIG{name}");
        drop((idle, half));
    }
}

#[test]
fn the_page_of_the_sources_is_served_once_it_is_built() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-demo/dist");
    if cfg!(debug_assertions) && !dist.join("index.html").is_file() {
        let output = refused(&["--port", "0"]);
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        for part in ["`cargo xtask web`", "--from", "Nothing is served"] {
            assert!(stderr(&output).contains(part), "{}", stderr(&output));
        }
        println!("not built: {}", stderr(&output));
        return;
    }
    let served = Served::start(&[]);
    let page = served.get("/");
    assert_eq!(page.status, 200);
    let page = String::from_utf8(page.body).unwrap();
    let mut count = 0;
    for path in page.split('"').filter_map(|word| word.strip_prefix("./")) {
        let got = served.get(&format!("/{path}"));
        assert_eq!(got.status, 200, "{path}, which the page names");
        count += 1;
    }
    assert!(count >= 2, "{count} files named in\n{page}");
    println!("{} files, {count} named in the page", served.said["files"]);
}

#[test]
fn what_cannot_be_served_is_refused_with_the_next_step() {
    let dir = built();
    let empty = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dist = dir.path().join("dist").display().to_string();
    let nowhere = dir.path().join("nowhere").display().to_string();
    let empty = empty.path().display().to_string();
    for (words, code, expected) in [
        (&["--from", &empty][..], 5, "has no index.html"),
        (&["--from", &nowhere], 5, "has no index.html"),
        (&["--from", &dist, "--port", &port], 5, "--port"),
        (&["--keep"], 1, "--keep"),
        (&["--rows", "9"], 1, "--rows"),
        (&["--port", "65536"], 1, "65536"),
    ] {
        let output = refused(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let output = e2e::process::output(e2e::kraft().args(["demo", "--port", "1"]));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("--web"), "{}", stderr(&output));
}
