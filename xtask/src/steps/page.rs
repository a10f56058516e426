//! A page of our documentation, read as a person reads it: blocks, commands, code in the text,
//! links and headings.

use std::ffi::OsStr;

use anyhow::Result;

use crate::workshop::Workshop;

/// One page.
pub struct Page {
    /// Where it is, from the top of the repository, with `/` between folders.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A fenced block: its language and its lines.
#[derive(Debug, PartialEq)]
pub struct Block<'a> {
    pub language: &'a str,
    pub lines: Vec<&'a str>,
}

impl Page {
    /// Every page of the repository.
    pub fn all(workshop: &Workshop) -> Result<Vec<Self>> {
        let files = workshop.files()?;
        let pages = files
            .iter()
            .filter(|path| path.extension() == Some(OsStr::new("md")));
        let read = pages.map(|path| {
            let path = path.to_string_lossy().replace('\\', "/");
            let text = workshop.read(&path)?;
            Ok(Self { path, text })
        });
        read.collect()
    }

    pub fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        for line in self.text.lines() {
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

    /// What stands between two backticks in the text, outside of blocks.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes = Vec::new();
        for line in self.prose() {
            codes.extend(line.split('`').skip(1).step_by(2));
        }
        codes
    }

    /// Where links of the text lead, those to other machines left out.
    pub fn links(&self) -> Vec<&str> {
        let mut links = Vec::new();
        for line in self.prose() {
            let targets = line.match_indices("](").filter_map(|(at, open)| {
                let rest = &line[at + open.len()..];
                rest.find(')').map(|end| &rest[..end])
            });
            links.extend(targets.filter(|target| !target.contains("://")));
        }
        links
    }

    /// What a link to a heading of this page says behind its `#`.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter_map(|line| {
            let title = line.trim_start_matches('#');
            (title.len() < line.len()).then(|| anchor(title))
        });
        headings.collect()
    }

    /// The lines outside of blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut inside = false;
        self.text.lines().filter(move |line| {
            let fence = line.starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
    }
}

impl Block<'_> {
    /// The commands of a shell block: comments and continuations resolved, what a command prints left
    /// out. Where a block marks commands with `$ `, what is not marked is printed.
    pub fn commands(&self) -> Vec<String> {
        if !matches!(self.language, "sh" | "console") {
            return Vec::new();
        }
        let joined = self.lines.join("\n").replace("\\\n", " ");
        let marked = self.language == "console";
        let bare = |line: &str| {
            let line = match marked {
                true => line.strip_prefix("$ ")?,
                false => line,
            };
            let end = line.find(" #").unwrap_or(line.len());
            let line = line[..end].split_whitespace().collect::<Vec<_>>().join(" ");
            let ours = ["cargo ", "kraft "]
                .iter()
                .any(|start| line.starts_with(start));
            ours.then(|| line.trim_end_matches(" &").to_owned())
        };
        joined.lines().filter_map(bare).collect()
    }
}

/// `After a power cut` is linked to as `after-a-power-cut`.
fn anchor(title: &str) -> String {
    let kept = title.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A page with this text, at the top of the repository.
    pub fn page(text: &str) -> Page {
        Page {
            path: "README.md".into(),
            text: text.into(),
        }
    }

    pub const README: &str = "# a\n```sh\ncargo run --release   # a demo\ncargo xtask test\n```\n\
        ```console\n$ kraft put \\\n  a 1 --mode all\nok\n$ kraft server &\nkraft: no\n```\n\
        ```rust\nlet a = 1;\n```\n";

    #[test]
    fn shell_blocks_are_read_as_a_person_would() {
        let page = page(README);
        let found: Vec<_> = page.blocks().iter().map(Block::commands).collect();
        assert_eq!(found[0], ["cargo run --release", "cargo xtask test"]);
        assert_eq!(found[1], ["kraft put a 1 --mode all", "kraft server"]);
        assert!(found[2].is_empty());
    }

    #[test]
    fn links_are_found_and_foreign_ones_left_alone() {
        let page = page("[a](x.md#b) [c](https://a.org) [d](#e)\n```text\n[f](g)\n```");
        assert_eq!(page.links(), ["x.md#b", "#e"]);
    }

    #[test]
    fn headings_are_linked_to_as_the_forge_does() {
        let page = page("# A disk that *goes* back\n```text\n# not\n```\n## `put`, get");
        assert_eq!(page.anchors(), ["a-disk-that-goes-back", "put-get"]);
    }

    #[test]
    fn code_is_found_in_the_text_and_not_in_blocks() {
        let page = page("`kraft put` and `a/b.rs`\n```sh\n`x`\n```\n");
        assert_eq!(page.codes(), ["kraft put", "a/b.rs"]);
    }
}
