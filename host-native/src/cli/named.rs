//! Every command that a message, a comment or a page names is one that exists, flags included.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::Cli;

/// Where people read of commands, from the repository's root.
const FOLDERS: [&str; 7] = [
    "host-native/src",
    "host-native/client",
    "host-native/examples",
    "host-native/storage/src",
    "host-native/wire/src",
    "kraft-proto/src",
    "web-demo/src",
];
/// Fewer would mean that some folder is not where it was.
const MENTIONS_MIN: usize = 60;
const PAGES: [&str; 3] = ["README.md", "CHANGELOG.md", "tests/PROOF.md"];

/// One mention: where, and its words.
struct Mention {
    place: String,
    words: String,
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the crate lies in the repository")
        .to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            sources(&path, found);
        } else if matches!(ending, Some("rs" | "ts" | "toml")) {
            found.push(path);
        }
    }
}

/// What stands between backticks and begins with `kraft`, and the lines of shell blocks that do. Line breaks within a
/// string or a comment are as good as spaces.
fn mentions(place: &str, text: &str) -> Vec<Mention> {
    let joined = text
        .replace("\\\n", " ")
        .lines()
        .map(|line| {
            line.trim()
                .trim_start_matches("//")
                .trim_start_matches(['/', '!'])
        })
        .collect::<Vec<_>>()
        .join("\n");
    let quoted = joined.match_indices("`kraft ").filter_map(|(at, _)| {
        let rest = &joined[at + 1..];
        let end = rest.find('`')?;
        (end < 120).then(|| rest[..end].split_whitespace().collect::<Vec<_>>().join(" "))
    });
    let typed = joined.lines().filter_map(|line| {
        let line = line.strip_prefix("$ ")?;
        let end = line.find(" #").unwrap_or(line.len());
        line.starts_with("kraft ")
            .then(|| line[..end].trim().to_owned())
    });
    let mention = |words| Mention {
        place: place.to_owned(),
        words,
    };
    quoted.chain(typed).map(mention).collect()
}

/// Why these words are no command; `None` if they are, or would be with values for what they leave out.
fn wrong(words: &str) -> Option<String> {
    let words: Vec<&str> = words
        .split(' ')
        .filter(|word| *word != "…" && *word != "...")
        .collect();
    let error = Cli::command().try_get_matches_from(&words).err()?;
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::MissingSubcommand
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::TooFewValues
        // The value is the reader's to fill in.
        | ErrorKind::InvalidValue
        | ErrorKind::ValueValidation => None,
        _ => Some(error.to_string()),
    }
}

#[test]
fn every_command_that_is_named_exists() {
    let root = root();
    let mut files: Vec<PathBuf> = PAGES.iter().map(|page| root.join(page)).collect();
    for folder in FOLDERS {
        sources(&root.join(folder), &mut files);
    }
    let mut count = 0;
    let mut complaints = Vec::new();
    for file in files {
        let place = file.strip_prefix(&root).unwrap().display().to_string();
        // This file names what does not exist.
        if place.ends_with("cli/named.rs") {
            continue;
        }
        for Mention { place, words } in mentions(&place, &fs::read_to_string(&file).unwrap()) {
            count += 1;
            if let Some(why) = wrong(&words) {
                complaints.push(format!("{place}: `{words}`: {why}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(count >= MENTIONS_MIN, "only {count} mentions were found");
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    for good in [
        "kraft cert renew",
        "kraft fate --node",
        "kraft put k v --mode ALL",
    ] {
        assert_eq!(wrong(good), None, "{good}");
    }
    for bad in [
        "kraft certs",
        "kraft cert extend",
        "kraft status --everything",
    ] {
        assert!(wrong(bad).is_some(), "{bad}");
    }
    let found = mentions(
        "here",
        "\"ask with `kraft \\\n    status` or not\"\n/// `kraft\n/// fate`\n$ kraft top # x",
    );
    let words: Vec<&str> = found.iter().map(|mention| mention.words.as_str()).collect();
    assert_eq!(words, ["kraft status", "kraft top"]);
}
