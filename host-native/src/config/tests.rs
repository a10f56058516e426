use std::fs;
use std::path::{Path, PathBuf};

use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication, OnPowerLoss};
use kraft_proto::ids::StoreId;
use kraft_proto::modes::{Class, CommitMode, FsyncMode};
use tempfile::TempDir;

use super::settings::{SETTINGS, Setting};
use std::time::Duration;

use kraft_proto::durability::Durability;
use kraft_proto::health::Thresholds;
use kraft_proto::ids::NodeId;
use kraft_proto::presets::Preset;

use super::*;

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What a file of this text is refused with, its folder cut out.
    fn refusal(&self, text: &str) -> String {
        let file = self.write("kraft.toml", text);
        let refused = Layers::new().file(&file).and_then(|layers| layers.config());
        let folder = format!("{}/", self.dir.path().display());
        refused.unwrap_err().to_string().replace(&folder, "")
    }

    fn config(&self, text: &str) -> Config {
        let file = self.write("kraft.toml", text);
        Layers::new().file(&file).unwrap().config().unwrap()
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn flag(layers: Layers, word: &str, text: &str) -> Layers {
    layers.flag(Setting::named(word).unwrap(), text.to_owned())
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = Layers::new().config().unwrap();
    assert_eq!(config, Config::default());
    let d = config.durability();
    assert_eq!(d.default, Class::new(CommitMode::Sync, FsyncMode::Commit));
    assert_eq!(d.fsync_floor, FsyncMode::None);
    assert_eq!(d.leader_fsync, LeaderFsync::AsClass);
    assert_eq!(d.leader_only_replication, LeaderOnlyReplication::Background);
    assert_eq!((d.batch_size, d.batch_timeout), (100, ms(10)));
    assert_eq!((d.all_timeout, d.fallback), (ms(5000), Fallback::Refuse));
    assert_eq!(
        (d.batch_fsync_count, d.batch_fsync_interval),
        (100, ms(100))
    );
    assert_eq!(d.lazy_force, ms(1000));
    assert_eq!(d.disk_stall, ms(5000));
    assert_eq!(d.at_risk_entries_max, 100_000);
    assert_eq!(config.at_risk_bytes_max, 256 * 1024 * 1024);
    assert_eq!(d.on_power_loss, OnPowerLoss::Protect);
    assert_eq!(config.timing.election_timeout_min, ms(150));
    assert_eq!(config.timing.election_timeout_max, ms(300));
    assert_eq!(config.timing.heartbeat, ms(50));
    assert_eq!(config.listen.peers.port(), 7001);
    assert_eq!(config.listen.clients.port(), 7002);
    assert_eq!(config.listen.admin.to_string(), "127.0.0.1:7003");
    assert_eq!(config.alerts, Thresholds::default());
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_variable_beats_the_file_and_a_flag_beats_both() {
    let files = Files::new();
    let file = files.write(
        "kraft.toml",
        "[durability]\nbatch_size = 1\nbatch_fsync_count = 1\nbatch_timeout = \"1ms\"\n",
    );
    let layers = Layers::new().file(&file).unwrap().environment(variables(&[
        ("KRAFT_BATCH_SIZE", "2"),
        ("KRAFT_BATCH_FSYNC_COUNT", "2"),
        ("PATH", "/bin"),
    ]));
    let config = flag(layers, "batch_size", "3").config().unwrap();
    assert_eq!(config.durability.batch_size, 3);
    assert_eq!(config.durability.batch_fsync_count, 2);
    assert_eq!(config.durability.batch_timeout, ms(1));
}

/// Files, variables and flags of before the words were settled are still read.
#[test]
fn an_option_is_set_by_its_former_name_too() {
    let (files, text) = (Files::new(), "1500ms");
    let by_file = files.config(&format!("[durability]\nlazy_flush = {text:?}\n"));
    let variable = variables(&[("KRAFT_LAZY_FLUSH", text)]);
    let by_variable = Layers::new().environment(variable).config().unwrap();
    let by_flag = flag(Layers::new(), "lazy_flush", text).config().unwrap();
    for config in [by_file, by_variable, by_flag] {
        assert_eq!(config.durability.lazy_force, ms(1500));
    }
}

#[test]
fn every_option_can_be_set_in_all_three_places() {
    let sample = |setting: &Setting| match setting.path {
        "node" => "1".to_owned(),
        "cluster" => "0".repeat(32),
        "zones_file" => concat!(env!("CARGO_MANIFEST_DIR"), "/examples/zones.toml").to_owned(),
        "members" => "1@h:1/h:2".to_owned(),
        "listen.advertise_clients" => "h:2".to_owned(),
        "snapshots.dir" => "/elsewhere".to_owned(),
        _ => setting.default_value().unwrap().replace('"', ""),
    };
    let files = Files::new();
    for setting in SETTINGS {
        let text = sample(setting);
        let by_flag = flag(Layers::new(), setting.word, &text).config();
        assert!(by_flag.is_ok(), "--{}: {by_flag:?}", setting.flag());
        let variable = variables(&[(&setting.variable(), &text)]);
        let by_variable = Layers::new().environment(variable).config();
        assert_eq!(by_variable.unwrap(), by_flag.unwrap(), "{}", setting.word);
        if setting.path != "members" {
            let section = match setting.section() {
                "" => String::new(),
                section => format!("[{section}]\n"),
            };
            files.config(&format!("{section}{} = {text:?}\n", setting.key()));
        }
    }
    let mut words: Vec<_> = SETTINGS.iter().map(|setting| setting.word).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(
        words.len(),
        SETTINGS.len(),
        "every name is the option's own"
    );
}

#[test]
fn options_change_a_preset_wherever_the_preset_stands() {
    let files = Files::new();
    let file = files.write("kraft.toml", "[durability]\nbatch_fsync_count = 7\n");
    let layers = Layers::new().file(&file).unwrap();
    let config = flag(layers, "preset", "low_latency").config().unwrap();
    let expected = Durability {
        batch_fsync_count: 7,
        ..Preset::LowLatency.durability()
    };
    assert_eq!(config.durability(), expected);
}

#[test]
fn paths_in_a_file_start_at_the_file() {
    let files = Files::new();
    let config = files.config("data_dir = \"here\"\n[tls]\nca = \"/etc/ca.pem\"\n");
    assert_eq!(config.data_dir, files.dir.path().join("here"));
    assert_eq!(config.tls.ca, Path::new("/etc/ca.pem"));
    assert_eq!(config.tls.key, files.dir.path().join("node.key"));
    let by_flag = flag(Layers::new(), "data_dir", "here").config().unwrap();
    assert_eq!(by_flag.data_dir, Path::new("here"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let refused = Layers::new().file(Path::new("/no/such/kraft.toml"));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("/no/such/kraft.toml"), "{text}");
    assert!(text.contains("kraft init"), "says what to do: {text}");
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let files = Files::new();
    for (text, expected) in [
        ("node = 1\nnode", "kraft.toml:2: not valid TOML"),
        ("nod = 1\n", "kraft.toml:1: there is no option `nod`"),
        (
            "\n[durability]\nbatchsize = 1\n",
            "kraft.toml:3: there is no option `durability.batchsize`; in [durability] there are",
        ),
        (
            "[durability]\n\ndefault_mode = \"SINK\"\n",
            "kraft.toml:3: `durability.default_mode` cannot be \"SINK\": not a commit mode",
        ),
        (
            "[durability]\nall_timeout = 5\n",
            "kraft.toml:2: `durability.all_timeout` cannot be \"5\": use a number with its unit",
        ),
        (
            "[durability]\nbatch_size = [1]\n",
            "kraft.toml:2: `durability.batch_size` is array and should be one value",
        ),
        (
            "[[zones]]\npattern = \"a:*\"\nmode = \"ALL\"\n\n[[zones]]\npattern = \"b:*\"\nmode = \"SOME\"\n",
            "kraft.toml:7: `mode` cannot be \"SOME\": not a commit mode",
        ),
        (
            "[[zones]]\npattern = \"a:*\"\nfsink = \"ALL\"\n",
            "kraft.toml:3: there is no option `zones.fsink`; in [[zones]] there are pattern",
        ),
        (
            "[[zones]]\nmode = \"ALL\"\n",
            "kraft.toml:1: the entry lacks `pattern`",
        ),
        (
            "[[zones]]\npattern = \"a\"\n",
            "zone 1 names neither a mode nor an fsync mode",
        ),
        ("zones = 3\n", "kraft.toml:1: `zones` is a list of tables"),
        (
            "[[members]]\nid = 1\n",
            "kraft.toml:1: the entry lacks `peers`",
        ),
        ("preset = \"fast\"\n", "cannot be \"fast\": not a preset"),
        (
            "zones_file = \"z\"\n[[zones]]\npattern = \"a\"\nmode = \"ALL\"\n",
            "keep one of them",
        ),
    ] {
        let refusal = files.refusal(text);
        assert!(refusal.contains(expected), "{text:?} gave {refusal:?}");
    }
}

#[test]
fn a_bad_variable_or_flag_is_named() {
    let bad = variables(&[("KRAFT_BATCH_SIZE", "many")]);
    let refusal = Layers::new().environment(bad).config().unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.starts_with("KRAFT_BATCH_SIZE: "), "{refusal}");
    let refusal = flag(Layers::new(), "batch_size", "many").config();
    let refusal = refusal.unwrap_err().to_string();
    assert!(refusal.starts_with("--batch-size: "), "{refusal}");
}

#[test]
fn a_variable_that_names_no_option_is_set_aside() {
    let layers = Layers::new().environment(variables(&[
        ("KRAFT_SERVICE_HOST", "10.0.0.1"),
        ("KRAFT_CONFIG", "kraft.toml"),
    ]));
    assert_eq!(layers.ignored(), ["KRAFT_SERVICE_HOST"]);
    assert!(layers.config().is_ok());
}

#[test]
fn options_that_do_not_fit_together_are_refused() {
    let files = Files::new();
    let members = "[[members]]\nid = 1\npeers = \"h:1\"\nclients = \"h:2\"\n";
    for (text, expected) in [
        ("[raft]\nheartbeat = \"100ms\"\n".to_owned(), "at most half"),
        (
            "[raft]\nelection_timeout_max = \"150ms\"\n".to_owned(),
            "must be less",
        ),
        (
            "[durability]\nbatch_size = 0\n".to_owned(),
            "batch_size is 0",
        ),
        (
            "[durability]\ndefault_mode = \"AT_LEAST_0\"\n".to_owned(),
            "use ASYNC",
        ),
        (format!("{members}{members}"), "member 1 is listed twice"),
        (
            format!("{members}[[zones]]\npattern = \"*\"\nmode = \"AT_LEAST_9\"\n"),
            "asks for 9 of 1 voters",
        ),
    ] {
        let refusal = files.refusal(&text);
        assert!(refusal.contains(expected), "{text:?} gave {refusal:?}");
    }
}

#[test]
fn a_server_needs_to_know_who_it_is() {
    let files = Files::new();
    let cluster = format!("cluster = \"{}\"\n", "a".repeat(32));
    let members = "[[members]]\nid = 1\npeers = \"h:1\"\nclients = \"h:2\"\n";
    let missing = |text: &str| files.config(text).check_server().unwrap_err().to_string();
    assert!(missing("").contains("`cluster`"));
    assert!(missing(&cluster).contains("`node`"));
    assert!(missing(&format!("node = 2\n{cluster}{members}")).contains("node 2 is not among"));
    // Who else there is, its directory knows.
    for members in [members, ""] {
        let config = files.config(&format!("node = 1\n{cluster}{members}"));
        assert_eq!(config.check_server().unwrap().0, NodeId(1));
    }
    let client = files.config(&cluster).check_client().unwrap_err();
    assert!(client.to_string().contains("`members`"), "{client}");
}

#[test]
fn the_effective_configuration_says_where_values_come_from_and_reads_back() {
    let files = Files::new();
    let zones = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/zones.toml");
    let file = files.write(
        "kraft.toml",
        "node = 1\npreset = \"financial\"\n[[members]]\nid = 1\npeers = \"h:1\"\nclients = \"h:2\"\nstore = \"00ff\"\n",
    );
    let layers = Layers::new()
        .file(&file)
        .unwrap()
        .environment(variables(&[("KRAFT_BATCH_SIZE", "2")]));
    let layers = flag(layers, "zones", zones);
    let effective = layers.effective().unwrap();
    let line = |start: &str| {
        let found = effective.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in {effective}"))
    };
    assert!(line("node = 1 ").ends_with("kraft.toml:1"));
    assert!(line("batch_size = 2 ").ends_with("# KRAFT_BATCH_SIZE"));
    assert!(line("default_mode = \"ALL\" ").ends_with("# preset financial"));
    assert!(line("lazy_force = \"1s\" ").ends_with("# default"));
    let read_back = files.config(&effective);
    let expected = Config {
        zones_file: None,
        ..layers.config().unwrap()
    };
    assert_eq!(read_back, expected);
    assert_eq!(read_back.members[0].store, StoreId(0xff));
}

#[test]
fn a_written_file_reads_back_and_explains_every_option() {
    let files = Files::new();
    let mut config = files.config("node = 3\npreset = \"max_throughput\"\n");
    config.durability.lazy_force = ms(1500);
    let text = config.to_file();
    assert_eq!(files.config(&text), config);
    assert!(text.contains("\nlazy_force = \"1s 500ms\"\n"));
    assert!(text.contains("\n# batch_size = 1000\n"), "{text}");
    for setting in SETTINGS
        .iter()
        .filter(|setting| setting.default_value().is_some())
    {
        assert!(
            text.contains(setting.about),
            "{} is not explained",
            setting.path
        );
    }
}

#[test]
fn the_example_zones_are_the_seven_of_the_original() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zones.toml");
    let zones = read_zones(&file).unwrap();
    let table: Vec<_> = zones
        .zones()
        .iter()
        .map(|zone| {
            (
                zone.pattern.as_str(),
                zone.mode.unwrap(),
                zone.fsync.unwrap(),
            )
        })
        .collect();
    assert_eq!(
        table,
        [
            ("account:*", CommitMode::All, FsyncMode::Always),
            ("transaction:*", CommitMode::All, FsyncMode::Always),
            ("user:*", CommitMode::Sync, FsyncMode::Commit),
            ("profile:*", CommitMode::Sync, FsyncMode::Commit),
            ("metric:*", CommitMode::Async, FsyncMode::Batch),
            ("event:*", CommitMode::Async, FsyncMode::None),
            ("session:*", CommitMode::LeaderOnly, FsyncMode::None),
        ]
    );
    let files = Files::new();
    let copy = files.write("copy.toml", &write_zones(&zones));
    assert_eq!(read_zones(&copy).unwrap(), zones);
}
