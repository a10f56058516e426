//! Every file of ours that a page or a comment names is there.

use std::path::Path;

use anyhow::{Result, ensure};

use super::page::Page;
use crate::workshop::Workshop;

/// How the names of files end that are ours if anybody names them.
const ENDINGS: [&str; 5] = [".rs", ".md", ".txt", ".ts", ".js"];

/// Folders of what is built or kept, and no part of the repository.
const BUILT: [&str; 3] = ["target/", "pkg/", "dist/"];

/// Checks every name, and returns how many there were.
pub fn paths(workshop: &Workshop) -> Result<usize> {
    let files = workshop.files()?;
    let ours: Vec<String> = files.iter().map(|path| name(path)).collect();
    let mut count = 0;
    let mut dead = Vec::new();
    for path in &ours {
        let text = match path.rsplit('.').next() {
            Some("md") => workshop.read(path)?,
            Some("rs" | "ts") => comments(&workshop.read(path)?),
            _ => continue,
        };
        let page = Page {
            path: path.clone(),
            text,
        };
        for named in page.codes().into_iter().filter_map(file) {
            count += 1;
            if !ours.iter().any(|ours| is(ours, named)) {
                dead.push(format!("{path} names `{named}`, which is not there"));
            }
        }
    }
    ensure!(dead.is_empty(), "{}", dead.join("\n"));
    Ok(count)
}

fn name(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The comments of a source file, a line each.
fn comments(source: &str) -> String {
    let lines = source.lines().map(str::trim_start);
    let comments = lines.filter(|line| line.starts_with("//"));
    comments.fold(String::new(), |all, line| all + line + "\n")
}

/// The file of ours that a piece of code names: a path, perhaps with something inside of it. A
/// single word may be anybody's file, unless it is one of Rust.
fn file(code: &str) -> Option<&str> {
    let path = code.split("::").next()?;
    let spelled = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let says_where = path.contains('/') || path.ends_with(".rs");
    let is_path = says_where && path.bytes().all(spelled) && !path.starts_with(['/', '.']);
    let is_ours = ENDINGS.iter().any(|ending| path.ends_with(ending));
    let built = BUILT.iter().any(|folder| path.starts_with(folder));
    (is_path && is_ours && !built).then_some(path)
}

/// Whether `named` is that file, by its whole path or by the end of it.
fn is(ours: &str, named: &str) -> bool {
    let before = ours.strip_suffix(named);
    before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_other_code() {
        assert_eq!(file("raft/poll.rs"), Some("raft/poll.rs"));
        assert_eq!(file("paper/fates.rs::no_fate"), Some("paper/fates.rs"));
        assert_eq!(file("poll.rs"), Some("poll.rs"));
        assert_eq!(file("notes.txt"), None);
        assert_eq!(file("/etc/hosts.txt"), None);
        assert_eq!(file("a/*.rs"), None);
        assert_eq!(file("pkg/host_wasm.js"), None);
        assert_eq!(file("term/index"), None);
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_path() {
        assert!(is("kraft-proto/src/raft/poll.rs", "raft/poll.rs"));
        assert!(!is("kraft-proto/src/draft/poll.rs", "raft/poll.rs"));
    }

    #[test]
    fn only_comments_are_read() {
        assert_eq!(comments("let a = 1; // x\n    /// y\n"), "/// y\n");
    }
}
