//! The demo as a newcomer runs it, and what it leaves behind however it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::e2e;
use crate::e2e::process::{PROGRAM_MAX, Program, output, signal};

/// A demo that is about to start, with its cluster in `dir`.
fn demo(dir: &Path, words: &[&str]) -> Command {
    let mut command = e2e::kraft();
    command
        .args(["demo", "--rows", "60", "--dir"])
        .arg(dir)
        .args(words);
    command
}

/// Processes that were started with something of `dir`, other than the demo itself.
fn nodes_of(dir: &Path) -> Vec<u32> {
    let config = dir.join("node-").into_os_string();
    let config = config.into_encoded_bytes();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let named = words.windows(config.len()).any(|part| part == config);
        if let (true, Some(pid)) = (
            named,
            process.file_name().to_str().and_then(|p| p.parse().ok()),
        ) {
            found.push(pid);
        }
    }
    found
}

/// Ends the nodes of a demo that was told to keep them, however its test ends.
struct Kept<'a>(&'a Path);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        for pid in nodes_of(self.0) {
            signal(pid, "KILL");
        }
    }
}

/// Waits until no node of `dir` is left.
fn none_left(dir: &Path) {
    let end = Instant::now() + e2e::PATIENCE;
    while !nodes_of(dir).is_empty() {
        assert!(Instant::now() < end, "left behind: {:?}", nodes_of(dir));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(line).collect()
}

fn of_step<'a>(lines: &'a [Value], step: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["step"] == step).collect()
}

#[test]
fn two_demos_at_once_account_for_every_write() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("one"), dir.path().join("two"));
    let rows = dir.path().join("rows.csv");
    let row = |id| format!("{id},name {id}\n");
    fs::write(
        &rows,
        format!("id,name\n{}", (0..50).map(row).collect::<String>()),
    )
    .unwrap();

    let plain = Program::listened_to(&mut demo(&first, &[]));
    let _ended = Kept(&second);
    let input = ["--json", "--keep", "--input", rows.to_str().unwrap()];
    let kept = output(&mut demo(&second, &input));
    let plain = plain.output();

    its_story_is_told(&plain);
    none_left(&first);
    its_commands_work(&plain);
    none_left(&first);

    assert_eq!(kept.status.code(), Some(0), "{kept:?}");
    every_step_is_reported(&lines(&kept), 50);
    assert_eq!(nodes_of(&second).len(), 3, "--keep leaves them running");
    let mut status = e2e::kraft();
    status
        .args(["status", "--json", "--config"])
        .arg(second.join("client.toml"));
    let status = output(&mut status);
    assert!(status.status.success(), "{status:?}");
    for pid in nodes_of(&second) {
        signal(pid, "TERM");
    }
    none_left(&second);
}

fn its_story_is_told(ended: &Output) {
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let story = String::from_utf8_lossy(&ended.stdout);
    for part in [
        "SYNC·COMMIT        user:*",
        "by its zone; when acknowledged: on the disks of a majority",
        "asked of node",
        ": lost  ···\nAnother entry is committed in its place.",
        "in mid-stream",
        "acknowledges a SYNC write: on the disks of a majority",
        "All three nodes hold the same state",
        "Every promise was kept. The demo took",
    ] {
        assert!(story.contains(part), "no {part:?} in\n{story}");
    }
    assert!(!story.contains('\u{1b}'), "colors in a pipe:\n{story}");
    for line in story.lines() {
        let is_path = line.contains('/');
        assert!(line.chars().count() <= 80 || is_path, "too long: {line}");
    }
    assert!(ended.stderr.is_empty(), "{ended:?}");
    println!("{story}");
}

/// What the demo says in the end to go on by hand, done in one shell.
fn its_commands_work(ended: &Output) {
    let story = String::from_utf8_lossy(&ended.stdout);
    let (_, after) = story.split_once("To go on by hand:").unwrap();
    let commands: Vec<&str> = after
        .lines()
        .filter(|line| line.starts_with("  "))
        .filter(|line| !line.contains("curl ") && !line.contains("rm -r "))
        .collect();
    assert!(commands.len() >= 8, "{commands:?}");
    let script = format!(
        "set -eu\n{}\nkill $(jobs -p)\nwait",
        commands
            .join("\n")
            .replace(".toml &", ".toml 2>/dev/null &")
    );
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Its servers end with it, however it ends, and after a while if nobody is left to end it.
    let mut shell = Command::new("timeout");
    let limit = PROGRAM_MAX.as_secs().to_string();
    shell.args(["--kill-after=10", &limit, "bash", "-c", &script]);
    let shell = output(shell.current_dir(here));
    let said = String::from_utf8_lossy(&shell.stdout);
    assert!(shell.status.success(), "{script}\n{shell:?}");
    for part in ["as asked (ALL·ALWAYS)", "leader", "user:"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    println!("{script}\n{said}");
}

fn every_step_is_reported(lines: &[Value], rows: u64) {
    let loads = of_step(lines, "load");
    assert_eq!(loads.len(), 9);
    let mut classes: Vec<_> = loads.iter().map(|load| load["class"].as_str()).collect();
    classes.dedup();
    assert_eq!(classes.len(), 9, "{classes:?}");
    for load in &loads {
        let acks = |part: &str| load[part]["acks"].as_u64().unwrap();
        assert_eq!(acks("one_at_a_time") + acks("at_once"), rows, "{load}");
        assert_eq!(load["at_once"]["fsyncs"].as_array().unwrap().len(), 3);
    }
    let always = loads.last().unwrap();
    assert_eq!(always["class"], "ALL·ALWAYS");
    let forced = always["at_once"]["fsyncs"][0].as_u64().unwrap();
    assert!(forced >= always["at_once"]["acks"].as_u64().unwrap());

    let loss = of_step(lines, "loss")[0];
    assert_eq!(
        (&loss["fate"], &loss["key_present"]),
        (&"lost".into(), &false.into())
    );
    let failover = of_step(lines, "failover")[0];
    assert!(failover["sync_acknowledged_after_ms"].as_f64().unwrap() > 0.0);
    let audit = of_step(lines, "audit")[0];
    assert_eq!(audit["broken"], 0, "{audit}");
    assert!(audit["sync_acked"].as_u64().unwrap() > rows);
    assert!(audit["rows_read"].as_u64().unwrap() > 9 * rows);
    let gone: u64 = of_step(lines, "audit_class")
        .iter()
        .map(|class| class["gone"].as_u64().unwrap())
        .sum();
    assert!(gone >= 1, "the write of step 2 is gone");
    assert_eq!(of_step(lines, "end")[0]["verdict"], "kept");
}

/// Starts a demo and waits until its nodes run.
fn under_way(dir: &Path) -> Program {
    let mut demo = Program::start(demo(dir, &["--json"]).stdout(Stdio::piped()));
    let line = demo.first_line();
    assert!(line.contains("\"cluster\""), "{line}");
    assert_eq!(nodes_of(dir).len(), 3);
    demo
}

#[test]
fn no_node_outlives_a_demo_that_is_interrupted_or_killed() {
    let dir = tempfile::tempdir().unwrap();
    for (name, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        let place = dir.path().join(name);
        let mut demo = under_way(&place);
        demo.signal(name);
        assert_eq!(demo.wait().code(), code, "{name}");
        none_left(&place);
        println!("SIG{name}: no node is left");
    }
}

#[test]
fn a_demo_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("demo");
    let none = dir.path().join("none.csv");
    let refused = output(&mut demo(&place, &["--input", none.to_str().unwrap()]));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("none.csv") && said.contains("Nothing was started"),
        "{said}"
    );
    assert!(!place.exists());

    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine"), "x").unwrap();
    let refused = output(&mut demo(&place, &[]));
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("not empty"), "{said}");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
}
