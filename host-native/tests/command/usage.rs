//! The `kraft` command without a cluster: what it makes, what it refuses, and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::e2e::process;

/// Runs `kraft` in `dir` with none of this process's own variables for it.
fn kraft(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraft"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            command.env_remove(name);
        }
    }
    process::output(command.current_dir(dir).args(words))
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn initialised() -> TempDir {
    let dir = temp();
    let made = kraft(dir.path(), &["init"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    dir
}

#[test]
fn a_command_that_makes_no_sense_exits_with_1_and_says_why() {
    let dir = temp();
    for (words, expected) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["put"], "<KEY>"),
        (&["put", "k", "v", "--mode", "SINK"], "not a commit mode"),
        (&["put", "k", "v", "--fsync", "x"], "not an fsync mode"),
        (
            &["put", "k", "v", "--timeout", "5"],
            "a number with its unit",
        ),
        (&["put", "k", "v", "--request", "x"], "not a request id"),
        (&["put", "a", "1", "b"], "key \"b\" has no value"),
        (&["export", "-"], "Looked for"),
        (&["import", "not-there"], "cannot read not-there"),
        (&["delete"], "<KEYS"),
        (&["delete", "k", "--prefix", "p"], "cannot be used with"),
        (&["cas", "k", "v"], "KEY --absent NEW"),
        (&["cas", "k", "v", "w", "--absent"], "no old value"),
        (&["txn", "--if", "k", "v"], "nothing to change"),
        (&["txn", "--put", "k"], "2 values required"),
        (&["txn", "--put", "k", "--json"], "2 values"),
        (&["txn", "--put", "k", "-5"], "Looked for"),
        (
            &["txn", "--put", "k", "1", "--delete", "k"],
            "\"k\" is changed twice",
        ),
        (&["fate", "17"], "TERM.INDEX"),
        (&["transfer", "two"], "NODE"),
        (&["init", "--nodes", "0"], "1..=15"),
        (&["init", "--nodes", "16"], "1..=15"),
        (&["put", "k", "v", "--fallback=perhaps"], "majority, never"),
        (&["init", "--preset", "fast"], "not a preset"),
        (&["init", "--hosts", "a b"], "--hosts a b: ' ' cannot stand"),
        (&["fate", "0.0"], "both start at 1"),
        (&["server", "--batch-sise", "1"], "--batch-size"),
        (&["server", "--batch-size", "many"], "--batch-size: "),
        (&["server"], "lacks `cluster`"),
        (&["get", "k"], "kraft/client.toml and client.toml"),
        (
            &["get", "k", "--deadline", "soon"],
            "a number with its unit",
        ),
        (&["init", "--hosts", "a:b:c"], "no IPv6 address"),
        (&["init", "--hosts", "a:0"], "no port"),
        (&["server", "--listen-peers", "node-1"], "is a name"),
        (&["put", "k", "-v"], "-- -v"),
        (&["put", "k", "-5"], "Looked for"),
        (&["delete", "-5"], "Looked for"),
        (&["cert", "list"], "`kraft init`"),
        (&["cert", "issue", "node", "0"], "1.."),
        (&["cert", "issue", "client", "a b"], "not a client name"),
    ] {
        let output = kraft(dir.path(), words);
        assert_eq!(code(&output), 1, "{words:?}: {output:?}");
        assert!(
            stderr(&output).contains(expected),
            "{words:?} says {:?}",
            stderr(&output)
        );
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing done");
}

/// Each segment of the log is an open file: a node that may have too few would stop in the middle of its work.
#[test]
fn a_node_that_may_open_too_few_files_does_not_start() {
    let dir = initialised();
    let program = env!("CARGO_BIN_EXE_kraft");
    let line = format!("ulimit -n 100 && exec '{program}' server --config kraft/node-1/kraft.toml");
    let output = process::output(
        Command::new("sh")
            .current_dir(dir.path())
            .args(["-c", &line]),
    );
    assert_ne!(code(&output), 0, "{output:?}");
    let said = stderr(&output);
    assert!(said.contains("100 files open"), "{said}");
    assert!(said.contains("ulimit -n"), "{said}");
}

/// Nobody listens: what asks gives up at its deadline and says what it did not do.
#[test]
fn where_no_node_runs_every_command_ends_at_its_deadline() {
    let dir = initialised();
    fs::write(dir.path().join("rows.csv"), "k,v\na,1\n").unwrap();
    for words in [
        &["status"][..],
        &["fate", "1.1"],
        &["load", "rows.csv", "--key", "k"],
        &["get", "a"],
        &["put", "a", "1"],
    ] {
        let words: Vec<&str> = words.iter().copied().chain(["--deadline", "1s"]).collect();
        let began = Instant::now();
        let output = kraft(dir.path(), &words);
        // Ten seconds unless something is said.
        let took = began.elapsed();
        assert!(took < Duration::from_secs(8), "{words:?} took {took:?}");
        assert!(matches!(code(&output), 5 | 6), "{words:?}: {output:?}");
        assert!(!stderr(&output).is_empty(), "{words:?}");
    }
}

#[test]
fn hosts_are_given_by_name_or_number_with_or_without_a_port() {
    for hosts in [
        "[::1]",
        "::1",
        "2001:db8::5,node-2,10.0.0.5",
        "localhost:7001",
        "[2001:db8::6]:7001",
    ] {
        let dir = temp();
        let output = kraft(dir.path(), &["init", "c", "--hosts", hosts]);
        assert_eq!(code(&output), 0, "{hosts}: {}", stderr(&output));
        assert!(dir.path().join("c/node-1/kraft.toml").is_file());
    }
}

#[test]
fn an_error_is_one_json_object_where_json_is_asked_for() {
    let dir = temp();
    let output = kraft(dir.path(), &["get", "k", "--json"]);
    assert_eq!(code(&output), 1);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["exit_code"], 1);
    assert!(error["error"].as_str().unwrap().contains("--config"));
}

#[test]
fn help_names_every_command_and_exits_with_0() {
    let output = kraft(temp().path(), &["--help"]);
    assert_eq!(code(&output), 0);
    for command in [
        "demo",
        "init",
        "server",
        "put",
        "get",
        "delete",
        "scan",
        "cas",
        "txn",
        "load",
        "export",
        "import",
        "log",
        "status",
        "fate",
        "transfer",
        "cert",
        "completions",
    ] {
        assert!(stdout(&output).contains(command), "{command}");
    }
}

#[test]
fn init_makes_a_cluster_that_the_server_can_check() {
    let dir = initialised();
    for node in 1..=3 {
        let file = format!("kraft/node-{node}/kraft.toml");
        let checked = kraft(dir.path(), &["server", "--config", &file, "--check"]);
        assert_eq!(code(&checked), 0, "{}", stderr(&checked));
        assert!(stdout(&checked).contains(&format!("node = {node} ")));
        assert!(stdout(&checked).contains("default_mode = \"SYNC\""));
    }
    let again = kraft(dir.path(), &["init"]);
    assert_eq!(code(&again), 5);
    assert!(stderr(&again).contains("Nothing was made or changed"));
}

#[test]
fn init_takes_other_ports_where_there_are_any() {
    let dir = temp();
    let words = ["init", "there", "--first-port", "9001", "--nodes", "2"];
    assert_eq!(code(&kraft(dir.path(), &words)), 0);
    let config = fs::read_to_string(dir.path().join("there/node-2/kraft.toml")).unwrap();
    assert!(config.contains("127.0.0.1:9011"), "{config}");
    let none = kraft(dir.path(), &["init", "none", "--first-port", "65530"]);
    assert_eq!(code(&none), 1);
    assert!(
        stderr(&none).contains("Nothing was made"),
        "{}",
        stderr(&none)
    );
    assert!(!dir.path().join("none").exists());
}

#[test]
fn init_writes_preset_and_zones_into_every_node() {
    let dir = temp();
    let zones = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/zones.toml");
    let words = [
        "init",
        "there",
        "--nodes",
        "2",
        "--preset",
        "financial",
        "--zones",
        zones,
        "--json",
    ];
    let made = kraft(dir.path(), &words);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["nodes"].as_array().unwrap().len(), 2);
    let file = made["nodes"][1].as_str().unwrap();
    let checked = kraft(
        dir.path(),
        &["server", "--config", file, "--check", "--json"],
    );
    let config: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(config["durability"]["default_mode"], "ALL");
    assert_eq!(config["durability"]["all_timeout"], "10s");
    assert_eq!(config["zones"][6]["pattern"], "session:*");
    assert_eq!(config["members"][1]["peers"], "127.0.0.1:7011");
}

#[test]
fn flags_beat_variables_beat_the_file() {
    let dir = initialised();
    let file = "kraft/node-1/kraft.toml";
    let mut check = Command::new(env!("CARGO_BIN_EXE_kraft"));
    check
        .current_dir(dir.path())
        .args(["server", "--config", file, "--check"])
        .args(["--batch-size", "3"])
        .env("KRAFT_BATCH_SIZE", "2")
        .env("KRAFT_BATCH_FSYNC_COUNT", "2")
        .env("KRAFT_BATCHSIZE", "4");
    let checked = process::output(&mut check);
    let line = |start: &str| {
        let found = stdout(&checked)
            .lines()
            .find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("{checked:?}")).to_owned()
    };
    assert!(line("batch_size = 3 ").ends_with("# --batch-size"));
    assert!(line("batch_fsync_count = 2 ").ends_with("# KRAFT_BATCH_FSYNC_COUNT"));
    assert!(line("cluster = ").contains("kraft.toml:"));
    assert!(stderr(&checked).contains("KRAFT_BATCHSIZE names no option"));
}

#[test]
fn a_bad_configuration_is_named_with_its_line_and_nothing_starts() {
    let dir = initialised();
    let file = dir.path().join("kraft/node-1/kraft.toml");
    let good = fs::read_to_string(&file).unwrap();
    let start = || {
        kraft(
            dir.path(),
            &["server", "--config", "kraft/node-1/kraft.toml"],
        )
    };

    let zone = "\n[[zones]]\npattern = \"a:*\"\nmode = \"SINK\"\n";
    let lines = good.lines().count() + zone.lines().count();
    fs::write(&file, format!("{good}{zone}")).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 1);
    let expected = format!("kraft.toml:{lines}: `mode` cannot be \"SINK\"");
    assert!(stderr(&refused).contains(&expected), "{}", stderr(&refused));

    fs::write(&file, format!("nod = 1\n{good}")).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("kraft.toml:1: there is no option `nod`"));

    fs::remove_file(&file).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 1);
    assert!(stderr(&refused).contains("cannot read the configuration"));
    assert!(stderr(&refused).contains("--config"));
}

#[test]
fn a_node_does_not_start_on_what_is_not_its_own() {
    let dir = initialised();
    let at = |path: &str| dir.path().join("kraft").join(path);
    let start = || {
        kraft(
            dir.path(),
            &["server", "--config", "kraft/node-1/kraft.toml"],
        )
    };

    fs::rename(at("node-1/node-1.pem"), at("node-1/gone")).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 5, "no certificate: {refused:?}");
    assert!(stderr(&refused).contains("node-1.pem"));
    fs::rename(at("node-1/gone"), at("node-1/node-1.pem")).unwrap();

    fs::rename(at("node-1/data"), at("node-1/gone")).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 5, "no data directory: {refused:?}");
    fs::rename(at("node-2/data"), at("node-1/data")).unwrap();
    let refused = start();
    assert_eq!(code(&refused), 5, "another node's data: {refused:?}");
    assert!(stderr(&refused).contains("node 2"), "{}", stderr(&refused));
}

#[test]
fn a_file_that_cannot_be_loaded_is_refused_before_anything_is_sent() {
    let dir = initialised();
    fs::write(dir.path().join("rows.csv"), "a,b\n1,2\n").unwrap();
    fs::write(dir.path().join("rows.bin"), "a,b\n1,2\n").unwrap();
    for (words, expected) in [
        (&["load", "none.csv"][..], "cannot read none.csv"),
        (&["load", "rows.bin"], "--format"),
        (&["load", "rows.csv", "--key", "c"], "there are a, b"),
    ] {
        let refused = kraft(dir.path(), words);
        assert_eq!(code(&refused), 1, "{words:?}: {refused:?}");
        assert!(stderr(&refused).contains("Nothing was sent"), "{refused:?}");
        assert!(stderr(&refused).contains(expected), "{refused:?}");
    }
}

#[test]
fn what_the_log_variable_cannot_be_is_refused() {
    let dir = initialised();
    let run = |value: &str| {
        let mut check = Command::new(env!("CARGO_BIN_EXE_kraft"));
        check
            .current_dir(dir.path())
            .args(["server", "--config", "kraft/node-1/kraft.toml", "--check"])
            .env("KRAFT_LOG", value);
        process::output(&mut check)
    };
    let refused = run("debg");
    assert_eq!(code(&refused), 1);
    let why = stderr(&refused);
    assert!(
        why.contains("KRAFT_LOG cannot be \"debg\"") && why.contains("debug"),
        "{why}"
    );
    assert_eq!(code(&run("warn,host_native=debug")), 0);
    let help = kraft(dir.path(), &["--help"]);
    assert!(stdout(&help).contains("KRAFT_LOG"));
}

#[test]
fn a_value_that_is_too_long_is_measured_to_its_end() {
    let dir = initialised();
    let file = dir.path().join("value");
    fs::write(&file, vec![b'x'; 4 * 1024 * 1024]).unwrap();
    let mut put = Command::new(env!("CARGO_BIN_EXE_kraft"));
    put.current_dir(dir.path())
        .args(["put", "k", "-"])
        .stdin(fs::File::open(&file).unwrap());
    let output = process::Program::listened_to(&mut put).output();
    assert_eq!(code(&output), 5);
    let why = stderr(&output);
    assert!(
        why.contains("4194304 bytes") && why.contains("nothing was written"),
        "{why}"
    );
}

/// Whoever is told to issue or renew a certificate can do so.
#[test]
fn certificates_are_issued_listed_shown_and_renewed() {
    let dir = initialised();
    let json = |words: &[&str]| {
        let output = kraft(dir.path(), &[words, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{words:?}: {output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let list = json(&["cert", "list"]);
    let all = list["certificates"].as_array().unwrap().clone();
    let owners: Vec<&str> = all
        .iter()
        .map(|one| one["owner"].as_str().unwrap())
        .collect();
    assert_eq!(
        owners,
        ["authority", "client admin", "node 1", "node 2", "node 3"]
    );
    let left = |one: &Value| one["seconds_left"].as_u64().unwrap();
    let month = 30 * 24 * 60 * 60;
    for pair in all[2..].windows(2) {
        assert!(
            left(&pair[0]) > left(&pair[1]) + month,
            "no two end within a month"
        );
    }

    let node = json(&["cert", "issue", "node", "4", "--days", "90"]);
    assert_eq!(node["owner"], "node 4");
    let folder = dir.path().join("kraft/node-4");
    for file in ["ca.pem", "node-4.pem", "node-4.key"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let again = kraft(dir.path(), &["cert", "issue", "node", "4"]);
    assert_eq!(code(&again), 5);
    assert!(stderr(&again).contains("was left as it is"), "{again:?}");

    let authority = fs::read(dir.path().join("kraft/ca.pem")).unwrap();
    json(&["cert", "issue", "client", "loader"]);
    assert_eq!(
        fs::read(dir.path().join("kraft/ca.pem")).unwrap(),
        authority
    );
    assert!(dir.path().join("kraft/client-loader.pem").exists());

    let key = fs::read(folder.join("node-4.key")).unwrap();
    let file = "kraft/node-4/node-4.pem";
    let before = json(&["cert", "show", file])["certificates"][0].clone();
    let renewed = json(&["cert", "renew", file, "--days", "200"])["renewed"][0].clone();
    assert!(left(&renewed) > left(&before) + 100 * 24 * 60 * 60);
    assert_eq!(renewed["owner"], "node 4");
    assert_eq!(
        fs::read(folder.join("node-4.key")).unwrap(),
        key,
        "its key stays"
    );
    let all = json(&["cert", "renew", "kraft"]);
    assert_eq!(all["renewed"].as_array().unwrap().len(), 6, "{all}");
    let words = kraft(dir.path(), &["cert", "list"]);
    // 3580 days, of which a second may have passed.
    let shown = stdout(&words);
    assert!(
        ["3580 days", "3579 days"]
            .iter()
            .any(|days| shown.contains(days)),
        "{words:?}"
    );
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = kraft(temp().path(), &["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("batch-fsync-count"), "{shell}");
    }
}
