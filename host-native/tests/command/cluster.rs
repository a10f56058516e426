//! The `kraft` command against real node processes: its answers and its exit codes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use host_native::config::read_zones;
use host_native::setup::{self, Created, Place, Plan};
use kraft_proto::presets::Preset;
use serde_json::Value;
use tempfile::TempDir;

use crate::e2e::ports::Block;
use crate::e2e::process;
use crate::e2e::process::Program;

/// A cluster of three of which some nodes run. They end with it.
pub(crate) struct Cluster {
    dir: TempDir,
    pub(crate) created: Created,
    _nodes: Vec<Program>,
    _ports: Block,
}

/// `kraft` with none of this process's own variables for it.
fn kraft() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraft"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            command.env_remove(name);
        }
    }
    // A busy machine is no reason to give up.
    command.env("KRAFT_DEADLINE", "60s");
    command
}

impl Cluster {
    pub(crate) fn start(running: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let block = Block::take();
        let ports: [u16; 9] = block.ports();
        let places = ports.as_chunks::<3>().0.iter();
        let zones = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zones.toml");
        let plan = Plan {
            places: places.map(|ports| Place::at_ports(*ports)).collect(),
            preset: Preset::Balanced,
            zones: read_zones(&zones).unwrap(),
        };
        let created = setup::create(&dir.path().join("kraft"), &plan).unwrap();
        let nodes = created.nodes.iter().take(running).map(|file| node(file));
        let nodes = nodes.collect();
        Self {
            dir,
            created,
            _nodes: nodes,
            _ports: block,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command to its end, in JSON.
    pub(crate) fn run(&self, words: &[&str]) -> (i32, Value) {
        let output = self.output(words);
        let json = serde_json::from_slice(&output.stdout);
        let json = json.unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"));
        (output.status.code().unwrap(), json)
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        let mut command = kraft();
        command.args(words).arg("--json");
        command.arg("--config").arg(&self.created.client);
        process::output(command.current_dir(self.dir.path()))
    }

    /// What somebody at a terminal reads.
    pub(crate) fn read(&self, words: &[&str]) -> String {
        let mut command = kraft();
        command
            .args(words)
            .arg("--config")
            .arg(&self.created.client);
        let output = process::output(command.current_dir(self.dir.path()));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }
}

/// A node that is open when this returns, and stops when this process is gone.
fn node(file: &Path) -> Program {
    let mut command = kraft();
    command
        .args(["server", "--json", "--until-stdin-closes", "--config"])
        .arg(file)
        .env("KRAFT_LOG", "warn")
        // A busy machine must not look like a dead leader.
        .env("KRAFT_ELECTION_TIMEOUT_MIN", "600ms")
        .env("KRAFT_ELECTION_TIMEOUT_MAX", "1200ms")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut node = Program::start(&mut command);
    let line = node.first_line();
    let open: Value = serde_json::from_str(&line).unwrap();
    assert!(open["admin"].is_string(), "{open}");
    node
}

#[test]
fn what_is_put_is_read_scanned_deleted_and_has_a_fate() {
    let cluster = Cluster::start(3);
    let (code, answer) = cluster.run(&["put", "user:1", "Ada", "user:2", "Grace"]);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["grade"], "as_asked");
    assert_eq!(answer["achieved"]["held"], "synced");

    let position = &answer["position"];
    let position = format!("{}.{}", position["term"], position["index"]);
    assert_eq!(cluster.run(&["get", "user:2"]).1["value"], "Grace");
    let (code, fate) = cluster.run(&["fate", &position]);
    assert_eq!((code, &fate["fate"]), (0, &"committed".into()));

    let (code, page) = cluster.run(&["scan", "user:", "--limit", "1"]);
    assert_eq!((code, &page["rows"][0]["value"]), (0, &"Ada".into()));
    assert_eq!(page["more"], "user:1");
    let (_, page) = cluster.run(&["scan", "user:", "--after", "user:1"]);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);

    assert_eq!(cluster.run(&["delete", "user:2"]).0, 0);
    let (code, gone) = cluster.run(&["get", "user:2"]);
    assert_eq!((code, &gone["value"]), (2, &Value::Null));

    let table = cluster.read(&["status"]);
    assert_eq!(table.matches("follower").count(), 2, "{table}");
    assert_eq!(table.matches("leader").count(), 1, "{table}");
    assert_eq!(cluster.read(&["get", "user:1"]), "Ada\n");
}

#[test]
fn leadership_moves_by_command_and_exit_codes_tell_whether_it_did() {
    let cluster = Cluster::start(3);
    assert_eq!(cluster.run(&["put", "k", "v"]).0, 0);
    for to in [1, 2, 3] {
        let (code, leads) = cluster.run(&["transfer", &to.to_string()]);
        assert_eq!((code, &leads["leader"]), (0, &to.into()), "{leads}");
    }
    let (_, again) = cluster.run(&["transfer", "3"]);
    assert_eq!(again["leader"], 3, "it leads already: {again}");
    let said = cluster.read(&["transfer"]);
    assert!(said.starts_with("node "), "{said}");
    assert!(said.contains(" leads term "), "{said}");
    assert!(!said.starts_with("node 3 "), "another one: {said}");
    let (code, refused) = cluster.run(&["transfer", "9"]);
    let why = refused["error"].as_str().unwrap();
    assert_eq!(code, 5);
    assert!(why.contains("node 9 is no member"), "{why}");
    assert_eq!(cluster.run(&["get", "k"]).1["value"], "v");
}

#[test]
fn the_zone_of_a_key_decides_and_the_request_beats_it() {
    let cluster = Cluster::start(3);
    for (words, mode, fsync) in [
        (&["put", "account:1", "x"][..], "ALL", "ALWAYS"),
        (&["put", "metric:1", "x"], "ASYNC", "BATCH"),
        (&["put", "session:1", "x"], "LEADER_ONLY", "NONE"),
        (&["put", "other", "x"], "SYNC", "COMMIT"),
        (&["put", "metric:1", "x", "account:1", "y"], "ALL", "ALWAYS"),
        (&["put", "metric:1", "x", "--mode", "sync"], "SYNC", "BATCH"),
        (
            &[
                "put",
                "other",
                "x",
                "--mode",
                "at-least-2",
                "--fsync",
                "none",
            ],
            "AT_LEAST_2",
            "NONE",
        ),
    ] {
        let (code, answer) = cluster.run(words);
        assert_eq!(code, 0, "{words:?}: {answer}");
        assert_eq!(answer["asked"]["mode"], mode, "{words:?}");
        assert_eq!(answer["asked"]["fsync"], fsync, "{words:?}");
    }
}

#[test]
fn exit_codes_tell_how_a_write_ended() {
    let cluster = Cluster::start(2);
    let put = |words: &[&str]| cluster.run(&[&["put", "other", "x"], words].concat());
    assert_eq!(put(&[]).0, 0);

    let all = ["--mode", "ALL", "--timeout", "50ms"];
    let (code, answer) = put(&all);
    assert_eq!((code, &answer["grade"]), (4, &"timed_out".into()));
    assert!(answer["position"]["index"].is_u64());
    // What is fallen back to must be there by then, however busy the machine is.
    let patient = ["--mode", "ALL", "--timeout", "3s", "--fallback"];
    let (code, answer) = put(&patient);
    assert_eq!((code, &answer["grade"]), (3, &"fallback".into()));
    assert_eq!(answer["achieved"]["mode"], "SYNC");
    assert_eq!(put(&[&all[..], &["--fallback=never"]].concat()).0, 4);

    for (words, expected) in [
        (&["put", "other", "x", "--mode", "at-least-0"][..], "1 to 3"),
        (&["put", "other", "x", "--mode", "at-least-9"], "1 to 3"),
        (&["put", "", "x"], "empty"),
    ] {
        let (code, refused) = cluster.run(words);
        assert_eq!(code, 5, "{words:?}: {refused}");
        let error = refused["error"].as_str().unwrap();
        assert!(error.contains(expected), "{words:?}: {error}");
        assert!(error.contains("Nothing was written"), "{error}");
    }
    let table = cluster.read(&["status"]);
    assert!(table.contains("no answer"), "{table}");
}

#[test]
fn a_file_is_loaded_by_zones_and_goes_on_where_it_was_cut_off() {
    let cluster = Cluster::start(3);
    let mut text = String::from("id,name\n");
    for id in 1..=500 {
        text.push_str(&format!("{id:03},name {id}\n"));
    }
    let file = cluster.path("rows.csv");
    fs::write(&file, format!("{text}501\n")).unwrap();
    let load = ["load", "rows.csv", "--prefix", "user:"];
    let (code, report) = cluster.run(&load);
    assert_eq!(code, 5, "{report}");
    assert_eq!(report["acknowledged_through_row"], 500);
    assert_eq!(report["held"]["on the disks of a majority"], 500);
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("rows.csv:502: "), "{error}");
    let progress = cluster.path("rows.csv.kraft-progress");
    assert!(progress.exists());

    fs::write(&file, format!("{text}501,last\n")).unwrap();
    let (code, refused) = cluster.run(&load);
    assert_eq!(code, 5, "the file has changed: {refused}");
    let (code, report) = cluster.run(&[&load[..], &["--restart"]].concat());
    assert_eq!((code, &report["answers"]), (0, &501.into()), "{report}");
    assert!(!progress.exists(), "a complete load leaves no record");
    let (_, value) = cluster.run(&["get", "user:501"]);
    assert_eq!(value["value"], r#"{"id":"501","name":"last"}"#);
}
