//! The README says what is so: its set-up commands are what CI runs, the other commands it shows
//! exist with the flags it shows, its Rust and TOML are excerpts of examples, the figures it names
//! are served, the driver answers as its page shows, and every link in our documents leads somewhere.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::STEPS;
use super::stories::stories;
use super::transcript::Transcript;
use crate::by_hand::PROGRAMS;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// The driver's contract.
const DRIVER: &str = "tests/DRIVER.md";

/// The folder where a node's figures are named.
const FIGURES: &str = "host-native/src/metrics";

/// All that a person types to see kraft and to test it.
const SET_UP: [&str; 2] = ["cargo run --release", "cargo xtask test"];

pub fn step(workshop: &Workshop) -> Result<Done> {
    let readme = workshop.read("README.md")?;
    let blocks = blocks(&readme);
    let mut checked = set_up(&blocks, &workshop.read(".ci/run")?)?;
    checked += steps_named(&readme)?;
    checked += commands(workshop, &blocks)?;
    checked += excerpts(workshop, &blocks)?;
    checked += figures(&readme, &sources_in(workshop, FIGURES)?)?;
    checked += sessions(workshop)?;
    checked += links(workshop)?;
    checked += stories(workshop)?;
    Ok(Done::checked(
        checked,
        "commands, excerpts, figures, replies, links and stories checked",
    ))
}

/// A fenced block: its language and its lines.
#[derive(Debug, PartialEq)]
struct Block<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block {
                    language,
                    lines: Vec::new(),
                })
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a shell block: comments and continuations resolved, what a command prints left
/// out (it does not begin like a command of ours).
fn shell_lines(block: &Block<'_>) -> Vec<String> {
    if !matches!(block.language, "sh" | "console") {
        return Vec::new();
    }
    let joined = block.lines.join("\n").replace("\\\n", " ");
    let bare = |line: &str| {
        let line = line.trim_start_matches("$ ");
        let end = line.find(" #").unwrap_or(line.len());
        line[..end].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let ours = |line: &String| {
        ["cargo ", "kraft "]
            .iter()
            .any(|start| line.starts_with(start))
    };
    joined.lines().map(bare).filter(ours).collect()
}

fn set_up(blocks: &[Block<'_>], ci: &str) -> Result<usize> {
    let first = blocks
        .iter()
        .map(shell_lines)
        .find(|lines| !lines.is_empty());
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
    Ok(SET_UP.len())
}

/// Every `cargo xtask …` the text names is a step.
fn steps_named(readme: &str) -> Result<usize> {
    let mut count = 0;
    for (at, asked) in readme.match_indices("cargo xtask ") {
        let rest = &readme[at + asked.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let name = &rest[..end];
        let known = ["test", "STEP"].contains(&name)
            || PROGRAMS.iter().any(|program| program.name == name)
            || STEPS.iter().any(|step| step.name == name);
        ensure!(known, "README.md: `cargo xtask {name}` is no step");
        count += 1;
    }
    Ok(count)
}

/// Every `kraft …` command shown exists, and so does every flag it is shown with.
fn commands(workshop: &Workshop, blocks: &[Block<'_>]) -> Result<usize> {
    let shown: Vec<String> = blocks.iter().flat_map(shell_lines).collect();
    let ours: Vec<&str> = shown
        .iter()
        .filter_map(|line| line.strip_prefix("kraft "))
        .collect();
    if ours.is_empty() {
        return Ok(0);
    }
    let kraft = workshop
        .programs()?
        .join(format!("kraft{}", env::consts::EXE_SUFFIX));
    for line in &ours {
        let name = line.split(' ').next().unwrap_or_default();
        let help = shell::output(workshop.command(&kraft).args([name, "--help"]))
            .with_context(|| format!("README.md shows `kraft {line}`"))?;
        for flag in flags(line) {
            ensure!(
                offers(&help, flag),
                "README.md shows `kraft {line}`, which has no {flag}"
            );
        }
    }
    Ok(ours.len())
}

fn flags(line: &str) -> impl Iterator<Item = &str> {
    let words = line
        .split(' ')
        .take_while(|word| *word != "--" && *word != "|");
    words
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
}

/// Whether a help text lists that flag, and not just a longer one.
fn offers(help: &str, flag: &str) -> bool {
    let ends = |at: usize| {
        let next = help[at + flag.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '-')
    };
    help.match_indices(flag).any(|(at, _)| ends(at))
}

/// Every figure shown is one that a node serves.
fn figures(readme: &str, metrics: &str) -> Result<usize> {
    let words = readme.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let shown = words.filter(|word| word.starts_with("kraft_") && !word.starts_with("kraft_proto"));
    let mut count = 0;
    for figure in shown {
        ensure!(
            metrics.contains(figure),
            "README.md shows {figure}, which {FIGURES} does not name"
        );
        count += 1;
    }
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
    Ok(all)
}

/// Every block of Rust or TOML is found, line after line, in an example that the tests use, or in
/// the documentation of a library, whose examples are tests.
fn excerpts(workshop: &Workshop, blocks: &[Block<'_>]) -> Result<usize> {
    let files = workshop.files()?;
    let mut count = 0;
    for (language, extension) in [("rust", "rs"), ("toml", "toml")] {
        let mut examples = Vec::new();
        for path in &files {
            let inside = path.parent().and_then(Path::file_name) == Some(OsStr::new("examples"));
            let tested = inside || path.ends_with("src/lib.rs");
            if tested && path.extension() == Some(OsStr::new(extension)) {
                examples.push(lean(&workshop.read(&path.to_string_lossy())?));
            }
        }
        for block in blocks.iter().filter(|block| block.language == language) {
            let excerpt = lean(&block.lines.join("\n"));
            let first = block.lines.first().copied().unwrap_or_default();
            ensure!(
                examples.iter().any(|example| example.contains(&excerpt)),
                "README.md: the {language} beginning `{first}` is no excerpt of an example"
            );
            count += 1;
        }
    }
    Ok(count)
}

/// Every session with the driver goes as its page shows it.
fn sessions(workshop: &Workshop) -> Result<usize> {
    let page = workshop.read(DRIVER)?;
    let blocks = blocks(&page);
    let mut count = 0;
    for block in blocks.iter().filter(|block| block.language == "drive") {
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

/// Every relative link of every document leads to a file.
fn links(workshop: &Workshop) -> Result<usize> {
    let mut count = 0;
    for path in workshop.files()? {
        if path.extension() != Some(OsStr::new("md")) {
            continue;
        }
        let text = workshop.read(&path.to_string_lossy())?;
        let folder = workshop.root.join(&path);
        let folder = folder.parent().unwrap_or(&workshop.root);
        for target in link_targets(&text) {
            let file = target.split('#').next().unwrap_or(target);
            let leads = folder.join(file).exists();
            ensure!(
                leads,
                "{}: the link to {target} leads nowhere",
                path.display()
            );
            count += 1;
        }
    }
    Ok(count)
}

fn link_targets(markdown: &str) -> Vec<&str> {
    let ends = markdown.match_indices("](").filter_map(|(at, open)| {
        let rest = &markdown[at + open.len()..];
        rest.find(')').map(|end| &rest[..end])
    });
    ends.filter(|target| !target.contains("://") && !target.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# a\n```sh\ncargo run --release   # a demo\ncargo xtask test\n```\n\
        ```sh\nkraft put \\\n  a 1 --mode all\nok\n```\n```rust\nlet a = 1;\n```\n";

    #[test]
    fn shell_blocks_are_read_as_a_person_would() {
        let found: Vec<_> = blocks(README).iter().map(shell_lines).collect();
        assert_eq!(found[0], SET_UP);
        assert_eq!(found[1], ["kraft put a 1 --mode all"]);
        assert!(found[2].is_empty());
    }

    #[test]
    fn set_up_is_exactly_what_ci_runs() {
        assert!(set_up(&blocks(README), "#!/bin/sh\ncargo xtask test\n").is_ok());
        assert!(set_up(&blocks(README), "#!/bin/sh\ncargo test\n").is_err());
        let three = README.replace("cargo xtask test\n", "cargo xtask test\ncargo build\n");
        assert!(set_up(&blocks(&three), "cargo xtask test\n").is_err());
    }

    #[test]
    fn only_steps_may_be_named() {
        assert_eq!(
            steps_named("`cargo xtask clippy`, `cargo xtask test`").unwrap(),
            2
        );
        assert!(steps_named("`cargo xtask clipy`").is_err());
    }

    #[test]
    fn a_flag_is_offered_only_under_its_whole_name() {
        let help = "      --fsync-floor <MODE>\n      --mode <MODE>";
        assert!(offers(help, "--mode") && !offers(help, "--fsync"));
        assert_eq!(
            flags("put a 1 --mode=all -- --not").collect::<Vec<_>>(),
            ["--mode"]
        );
    }

    #[test]
    fn a_figure_that_nobody_serves_is_found() {
        assert_eq!(
            figures("`kraft_term`, kraft_proto", "\"kraft_term\"").unwrap(),
            1
        );
        assert!(figures("`kraft_terms`", "\"kraft_term\"").is_err());
    }

    #[test]
    fn links_are_found_and_foreign_ones_left_alone() {
        let text = "[a](x.md#b) [c](https://a.org) [d](#e)";
        assert_eq!(link_targets(text), ["x.md#b"]);
    }

    #[test]
    fn an_excerpt_keeps_its_lines_but_not_its_indentation() {
        assert!(
            lean("fn a() {\n    let b = 1;\n\n    c();\n}").contains(&lean("let b = 1;\nc();"))
        );
    }
}
