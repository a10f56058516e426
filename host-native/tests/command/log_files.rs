//! `kraft log` of the files that real nodes left: every entry is shown, damage is named, nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use kraft_wire::txn::Txn;
use serde_json::Value;

use crate::e2e::{Cluster, kraft, process};

/// Where records begin in a segment, as the storage's pages say.
const RECORDS_AT: usize = 4096;

fn run(words: &[&str], dir: &Path) -> Output {
    process::output(kraft().arg("log").args(words).arg(dir))
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every file below a directory and its bytes.
fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.append(&mut content(&path)),
            false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in content(from) {
        let path = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    // A copy is whole without it.
    fs::remove_file(to.join("lock")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_dumped_and_verified_and_damage_is_named() {
    let mut cluster = Cluster::start().await;
    cluster.client.put("user:1", "Ada").send().await.unwrap();
    let txn = Txn::new().holds("user:1", "Ada").unwrap();
    let txn = txn.put("user:2", [0xff, 0]).unwrap();
    let last = cluster.client.txn(txn).send().await.unwrap().position;
    let leader = cluster.leader().await;
    let data = cluster.nodes[leader].config.parent().unwrap().join("data");
    let refused = run(&["verify"], &data);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("look at a copy"), "{said}");
    assert_eq!(refused.status.code(), Some(5));

    cluster.nodes[leader].stop();
    let before = content(&data);
    let dumped = run(&["dump", "--json"], &data);
    assert!(dumped.status.success(), "{dumped:?}");
    let entries = lines(&dumped);
    let indexes: Vec<u64> = (entries.iter())
        .map(|entry| entry["position"]["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indexes, (1..=indexes.len() as u64).collect::<Vec<_>>());
    let at = |index: u64| &entries[index as usize - 1];
    let put = at(last.index.0 - 1);
    assert_eq!(put["says"]["put"]["pairs"][0]["value"], "Ada");
    assert_eq!(put["class_at_least"], Value::Null, "a log does not hold it");
    let txn = at(last.index.0);
    assert_eq!(txn["says"]["txn"]["then"][0]["put"]["value"]["hex"], "ff00");
    assert_eq!(txn["class_at_least"], "SYNC·COMMIT");
    assert_eq!(
        (&txn["held"], &txn["shape"]),
        (&"synced".into(), &"██·".into())
    );

    let from = last.index.0.to_string();
    let human = run(&["dump", "--from", &from, "--to", &from], &data);
    let expected = format!(
        "{last}\t██·\t≥ SYNC·COMMIT\tif \"user:1\" holds 3 bytes, put \"user:2\" (2 bytes)\n"
    );
    assert_eq!(String::from_utf8(human.stdout).unwrap(), expected);
    let verified = run(&["verify", "--json"], &data);
    assert_eq!(lines(&verified)[0]["entries"], entries.len());
    assert_eq!(content(&data), before, "nothing was written");

    let elsewhere = cluster.dir.path().join("copy");
    copy(&data, &elsewhere);
    assert!(run(&["verify"], &elsewhere).status.success());
    let names = content(&elsewhere);
    let file = PathBuf::from(txn["file"].as_str().unwrap());
    let file = elsewhere.join(file.strip_prefix(&data).unwrap());
    let mut bytes = names[&file].clone();
    assert!(txn["offset"].as_u64().unwrap() as usize >= RECORDS_AT);
    bytes[txn["offset"].as_u64().unwrap() as usize + 44] ^= 1;
    fs::write(&file, bytes).unwrap();
    for what in ["verify", "dump"] {
        let refused = run(&[what, "--json"], &elsewhere);
        assert_eq!(refused.status.code(), Some(5), "{refused:?}");
        let refused = &lines(&refused)[0];
        assert_eq!(refused["file"], file.to_str().unwrap());
        assert_eq!(refused["offset"], txn["offset"]);
    }
    assert!(!elsewhere.join("lock").exists(), "nothing was created");
    let nothing = run(&["verify"], cluster.dir.path());
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
}
