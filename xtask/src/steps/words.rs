//! What must not stand in anything we publish: words that promise more than the evidence at hand,
//! and paths of somebody's machine.

use std::path::{Component, Path};

use anyhow::{Result, ensure};

use crate::report::Done;
use crate::workshop::Workshop;

/// Each with what to say instead.
const BANNED: [(&str, &str); 3] = [
    (
        "guaranteed",
        "say what holds it: which nodes, written or synced",
    ),
    ("never lost", "say which failures it survives"),
    ("persisted", "say `written` or `synced`"),
];

/// Words of the core that were given up, each for the one word that has its meaning: the glossary at
/// the end of `kraft-proto/src/lib.rs` has them. They stay away from the folder named below.
const FORMER: [(&str, &str); 12] = [
    ("barrier", "no-op"),
    ("door", "the thing's own name"),
    ("duty", "lifecycle"),
    ("flush", "force"),
    ("handover", "transfer"),
    ("holding", "watermarks"),
    ("lane", "stream"),
    ("life", "incarnation"),
    ("moving_to", "transfer_to"),
    ("seal", "checksum"),
    ("settle", "`settled` is of fates only; `advance`, `accept`"),
    ("succession", "configurations"),
];

/// Where those words were settled.
const SETTLED: &str = "kraft-proto/src/";

/// This file, which has to name them.
const OURSELVES: &str = "xtask/src/steps/words.rs";

/// Folders that everybody's machine has.
const EVERYBODYS: [&str; 12] = [
    "bin", "dev", "etc", "lib", "mnt", "opt", "proc", "run", "srv", "tmp", "usr", "var",
];

pub fn step(workshop: &Workshop) -> Result<Done> {
    let homes = homes(&workshop.root);
    let mut complaints = Vec::new();
    let mut count = 0;
    for path in workshop.files()? {
        let name = path.to_string_lossy().replace('\\', "/");
        let Ok(text) = workshop.read(&name) else {
            continue;
        };
        if name == OURSELVES {
            continue;
        }
        if has_prose(&path) {
            complaints.extend(
                banned(&text)
                    .into_iter()
                    .map(|what| format!("{name}:{what}")),
            );
        }
        if name.starts_with(SETTLED) {
            let found = former(&text).into_iter();
            complaints.extend(found.map(|what| format!("{name}:{what}")));
        }
        complaints.extend(
            machine_paths(&text, &homes)
                .into_iter()
                .map(|what| format!("{name}:{what}")),
        );
        count += 1;
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(Done::checked(count, "files read"))
}

fn has_prose(path: &Path) -> bool {
    let extension = path.extension().and_then(|one| one.to_str());
    matches!(
        extension,
        Some("md" | "rs" | "html" | "ts" | "tsx" | "js" | "css" | "toml" | "txt")
    )
}

/// The banned words of a text, across line breaks and comment marks too. A part of a name in code,
/// as in `take_x_messages` of another crate, is no claim of ours.
fn banned(text: &str) -> Vec<String> {
    let mut prose = String::new();
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        lines.push((prose.len(), i + 1));
        let words = line
            .trim()
            .trim_start_matches(['/', '!', '#', '>', '*', '-']);
        for word in words.split_whitespace() {
            prose += &word.to_ascii_lowercase();
            prose.push(' ');
        }
    }
    let mut found = Vec::new();
    for (word, instead) in BANNED {
        for (at, _) in prose.match_indices(word) {
            if prose[..at].ends_with('_') || prose[at + word.len()..].starts_with('_') {
                continue;
            }
            let line = lines
                .iter()
                .rev()
                .find(|(start, _)| *start <= at)
                .map_or(0, |(_, line)| *line);
            found.push(format!("{line}: {word:?}: {instead}"));
        }
    }
    found
}

/// Words that were given up, as whole names or words of a text.
fn former(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for word in line.split(|c| !is_part(c)) {
            let word = word.to_ascii_lowercase();
            let given_up = FORMER.iter().find(|(former, _)| *former == word);
            found.extend(
                given_up.map(|(former, now)| format!("{}: {former:?} was given up: {now}", i + 1)),
            );
        }
    }
    found
}

/// How paths begin that exist on one machine only: everybody's home folders, and the folder this
/// repository lies in.
fn homes(root: &Path) -> Vec<String> {
    let mut homes: Vec<String> = ["home", "Users", "root"]
        .map(|name| format!("/{name}/"))
        .into();
    let first = root.components().find_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    if let Some(first) = first
        && !EVERYBODYS.contains(&first)
        && !homes.contains(&format!("/{first}/"))
    {
        homes.push(format!("/{first}/"));
    }
    homes
}

fn machine_paths(text: &str, homes: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for home in homes {
            for (at, _) in line.match_indices(home.as_str()) {
                let before = line[..at].chars().next_back();
                let starts_here =
                    !before.is_some_and(|c| c.is_alphanumeric() || "/._-}$~*".contains(c));
                let goes_on = line[at + home.len()..].starts_with(|c: char| c.is_alphanumeric());
                if starts_here && goes_on {
                    found.push(format!("{}: a path of one machine, {home}…", i + 1));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_were_given_up_are_found_as_whole_words() {
        let text = "/// The barrier.\nfn moving_to() {}\nlet unsettled = alive;\n";
        let lines: Vec<String> = former(text);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("1: \"barrier\"") && lines[1].starts_with("2: "));
    }

    #[test]
    fn banned_words_are_found_in_any_case_and_across_lines() {
        assert_eq!(banned("Writes are Guaranteed.\n").len(), 1);
        let found = banned("fine\n/// an ack is never\n/// lost here");
        assert!(found.len() == 1 && found[0].starts_with("2:"), "{found:?}");
        assert!(banned("what an ack guarantees, and what is lost").is_empty());
        assert!(banned("ready.take_persisted_messages()").is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_found_and_others_are_not() {
        let homes = homes(Path::new("/build/kraft"));
        let found = |text| machine_paths(text, &homes).len();
        assert_eq!(found("see /home/ann/kraft and `/build/kraft`"), 2);
        assert_eq!(
            found("GET /v1/build/x, a/home/b, /tmp/x, https://a.org/home/b"),
            0
        );
        assert_eq!(found("the /home/ folder"), 0);
    }
}
