//! Our pages say what is so: the set-up commands of the README are what CI runs, every command that
//! a page shows exists with the flags it shows, Rust and TOML are excerpts of examples, metrics are
//! served, the driver answers as its page shows, and links, tests, scripts and files that are named
//! are there. The session of the operators' page is run by a test of the host, against real nodes.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::page::{Block, Page};
use super::paths::paths;
use super::shown::Commands;
use super::stories::stories;
use super::transcript::Transcript;
use crate::report::Done;
use crate::workshop::Workshop;

/// The first page.
const README: &str = "README.md";

/// The driver's contract.
const DRIVER: &str = "tests/DRIVER.md";

/// The page that lists metrics, and the folder where they are named.
const METRICS: [&str; 2] = ["host-native/OPERATING.md", "host-native/src/metrics"];

/// All that a person types to see kraft and to test it.
const SET_UP: [&str; 2] = ["cargo run --release", "cargo xtask test"];

/// The first page is read in one go.
const README_LINES_MAX: usize = 120;

pub fn step(workshop: &Workshop) -> Result<Done> {
    let pages = Page::all(workshop)?;
    let readme = find(&pages, README)?;
    let mut checked = set_up(readme, &workshop.read(".ci/run")?)?;
    let examples = Examples::read(workshop)?;
    let mut commands = Commands::new(workshop)?;
    for page in &pages {
        checked += commands.check(page)?;
        checked += examples.check(page)?;
        checked += links(workshop, &pages, page)?;
    }
    let [page, folder] = METRICS;
    checked += metrics(find(&pages, page)?, &sources_in(workshop, folder)?)?;
    checked += sessions(workshop, find(&pages, DRIVER)?)?;
    checked += stories(workshop)?;
    checked += paths(workshop)?;
    Ok(Done::checked(
        checked,
        "commands, excerpts, metrics, replies, links, stories and paths checked",
    ))
}

fn find<'a>(pages: &'a [Page], path: &str) -> Result<&'a Page> {
    let page = pages.iter().find(|page| page.path == path);
    page.with_context(|| format!("{path} is gone"))
}

fn set_up(readme: &Page, ci: &str) -> Result<usize> {
    let blocks = readme.blocks();
    let shown = blocks.iter().map(Block::commands);
    let first = shown.into_iter().find(|lines| !lines.is_empty());
    let first = first.context("README.md shows no command")?;
    ensure!(
        first == SET_UP,
        "README.md's first block must be exactly {SET_UP:?}, not {first:?}"
    );
    let last = ci.lines().rfind(|line| !line.trim().is_empty());
    ensure!(
        last == Some(SET_UP[1]),
        ".ci/run must end in `{}`, not {last:?}",
        SET_UP[1]
    );
    let lines = readme.text.lines().count();
    ensure!(
        lines <= README_LINES_MAX,
        "README.md has {lines} lines, at most {README_LINES_MAX}: the rest has pages of its own"
    );
    Ok(SET_UP.len())
}

/// Every metric shown is one that a node serves.
fn metrics(page: &Page, sources: &str) -> Result<usize> {
    let words = page
        .text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let shown = words.filter(|word| word.starts_with("kraft_") && !word.starts_with("kraft_proto"));
    let mut count = 0;
    for metric in shown {
        ensure!(
            sources.contains(metric),
            "{} shows {metric}, which a node does not serve",
            page.path
        );
        count += 1;
    }
    ensure!(count > 0, "{} shows no metric", page.path);
    Ok(count)
}

/// Everything written in the sources of a folder.
fn sources_in(workshop: &Workshop, folder: &str) -> Result<String> {
    let mut all = String::new();
    for path in workshop
        .files()?
        .iter()
        .filter(|path| path.starts_with(folder))
    {
        all += &workshop.read(&path.to_string_lossy())?;
    }
    ensure!(!all.is_empty(), "there is nothing in {folder}");
    Ok(all)
}

/// The code that pages may show: examples that the tests use, and the documentation of libraries,
/// whose examples are tests.
struct Examples {
    rust: Vec<String>,
    toml: Vec<String>,
}

impl Examples {
    fn read(workshop: &Workshop) -> Result<Self> {
        let files = workshop.files()?;
        let of = |extension: &str| -> Result<Vec<String>> {
            let examples = files.iter().filter(|path| {
                let folder = path.parent().and_then(Path::file_name);
                let tested = folder == Some(OsStr::new("examples")) || path.ends_with("src/lib.rs");
                tested && path.extension() == Some(OsStr::new(extension))
            });
            let read = examples.map(|path| workshop.read(&path.to_string_lossy()));
            read.map(|text| text.map(|text| lean(&text))).collect()
        };
        Ok(Self {
            rust: of("rs")?,
            toml: of("toml")?,
        })
    }

    /// Every block of Rust or TOML stands in an example, line after line.
    fn check(&self, page: &Page) -> Result<usize> {
        let mut count = 0;
        for block in page.blocks() {
            let examples = match block.language {
                "rust" => &self.rust,
                "toml" => &self.toml,
                _ => continue,
            };
            let excerpt = lean(&block.lines.join("\n"));
            let first = block.lines.first().copied().unwrap_or_default();
            ensure!(
                examples.iter().any(|example| example.contains(&excerpt)),
                "{}: the {} beginning `{first}` is no excerpt of an example",
                page.path,
                block.language
            );
            count += 1;
        }
        Ok(count)
    }
}

/// Every session with the driver goes as its page shows it.
fn sessions(workshop: &Workshop, page: &Page) -> Result<usize> {
    let mut count = 0;
    for block in page
        .blocks()
        .iter()
        .filter(|block| block.language == "drive")
    {
        count += Transcript::read(&block.lines)
            .replay(workshop)
            .context(DRIVER)?;
    }
    ensure!(count > 0, "{DRIVER} shows no session");
    Ok(count)
}

/// Without indentation, blank lines and the marks of documentation.
fn lean(code: &str) -> String {
    let lines = code
        .lines()
        .map(|line| line.trim().trim_start_matches("//!").trim());
    let lines = lines.filter(|line| !line.is_empty());
    lines.fold(String::from("\n"), |all, line| all + line + "\n")
}

/// Every link of a page leads to a file, and to a heading of it where it says one.
fn links(workshop: &Workshop, pages: &[Page], page: &Page) -> Result<usize> {
    let mut count = 0;
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    for target in page.links() {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = match file {
            "" => page.path.clone(),
            file => plain(&folder.join(file)),
        };
        ensure!(
            workshop.root.join(&path).exists(),
            "{}: the link to {target} leads nowhere",
            page.path
        );
        let leads = pages.iter().find(|page| page.path == path);
        let has = |page: &Page| page.anchors().iter().any(|anchor| anchor == heading);
        ensure!(
            heading.is_empty() || leads.is_none_or(has),
            "{}: the link to {target} leads to no heading",
            page.path
        );
        count += 1;
    }
    Ok(count)
}

/// A path without `..`, with `/` between its folders.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_string_lossy().as_ref() {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part.to_owned()),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::page::tests::{README, page};

    #[test]
    fn set_up_is_exactly_what_ci_runs() {
        assert!(set_up(&page(README), "#!/bin/sh\ncargo xtask test\n").is_ok());
        assert!(set_up(&page(README), "#!/bin/sh\ncargo test\n").is_err());
        let three = README.replace("cargo xtask test\n", "cargo xtask test\ncargo build\n");
        assert!(set_up(&page(&three), "cargo xtask test\n").is_err());
        let long = README.to_owned() + &"more\n".repeat(README_LINES_MAX);
        assert!(set_up(&page(&long), "cargo xtask test\n").is_err());
    }

    #[test]
    fn a_metric_that_nobody_serves_is_found() {
        let good = page("`kraft_term`, kraft_proto");
        assert_eq!(metrics(&good, "\"kraft_term\"").unwrap(), 1);
        assert!(metrics(&page("`kraft_terms`"), "\"kraft_term\"").is_err());
    }

    #[test]
    fn an_excerpt_keeps_its_lines_but_not_its_indentation() {
        assert!(
            lean("fn a() {\n    let b = 1;\n\n    c();\n}").contains(&lean("let b = 1;\nc();"))
        );
    }

    #[test]
    fn a_link_is_followed_from_its_page() {
        assert_eq!(
            plain(Path::new("host-native/../tests/./a.md")),
            "tests/a.md"
        );
    }
}
